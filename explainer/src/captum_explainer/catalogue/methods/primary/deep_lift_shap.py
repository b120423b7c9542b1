"""DeepLIFT SHAP.

DeepLIFT's contributions, averaged over the baselines, [1, *input shape].
"""

from captum.attr import DeepLiftShap

from captum_explainer.catalogue.method import About, Method, Passes, Takes

METHOD = Method(
    DeepLiftShap,
    about=About(
        summary="DeepLIFT, averaged over a distribution of baselines: approximate SHAP values of the logits.",
        when="SHAP values of a network, at a price between DeepLIFT's and KernelSHAP's. Send typical instances as "
        "baselines.",
        cost="instances * remote",
        paper="Lundberg and Lee, A Unified Approach to Interpreting Model Predictions, https://arxiv.org/abs/1705.07874",
    ),
    needs="structure",
    takes=Takes(baselines="distribution"),
    backward="nonlinearities",
    passes=Passes(one_by_one=True),
    complete=True,
)
