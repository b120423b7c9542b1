"""DeepLIFT SHAP of a layer.

DeepLIFT's contributions of the layer's differences, averaged over the baselines, [1, *the layer's shape].
"""

from captum.attr import LayerDeepLiftShap

from captum_explainer.catalogue.method import About, Method, Passes, Takes

METHOD = Method(
    LayerDeepLiftShap,
    about=About(
        summary="DeepLIFT SHAP for a layer's output instead of the input.",
        when="SHAP values of a layer's units, against the layer's outputs for typical instances.",
        cost="instances * above",
        paper="Lundberg and Lee, A Unified Approach to Interpreting Model Predictions, https://arxiv.org/abs/1705.07874",
    ),
    needs="structure",
    family="layer",
    takes=Takes(baselines="distribution"),
    backward="nonlinearities",
    passes=Passes(one_by_one=True),
    complete=True,
)
