"""DeepLIFT SHAP of a neuron.

DeepLIFT's contributions to the neuron, averaged over the baselines, [1, *input shape].
"""

from captum.attr import NeuronDeepLiftShap

from captum_explainer.catalogue.method import About, Method, Passes, Takes

METHOD = Method(
    NeuronDeepLiftShap,
    about=About(
        summary="DeepLIFT SHAP for one neuron of a layer instead of the score.",
        when="What makes a neuron differ from its values for typical instances.",
        cost="instances * below",
        paper="Lundberg and Lee, A Unified Approach to Interpreting Model Predictions, https://arxiv.org/abs/1705.07874",
    ),
    needs="structure",
    family="neuron",
    takes=Takes(baselines="distribution", target=False),
    backward="nonlinearities",
    passes=Passes(one_by_one=True),
)
