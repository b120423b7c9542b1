"""GradientSHAP of a neuron.

Expected gradients of a neuron at random points between baselines and the input, [1, *input shape].
"""

from captum.attr import NeuronGradientShap

from captum_explainer.catalogue.method import About, Method, Passes, Takes
from captum_explainer.catalogue.methods.primary.gradient_shap import METHOD as GRADIENT_SHAP

METHOD = Method(
    NeuronGradientShap,
    about=About(
        summary="GradientSHAP for one neuron of a layer instead of the score.",
        when="What moves a neuron away from its values at several baselines, for the price of a few gradients.",
        cost="instances",
        paper="Lundberg and Lee, A Unified Approach to Interpreting Model Predictions, https://arxiv.org/abs/1705.07874",
    ),
    needs="structure",
    family="neuron",
    takes=Takes(own=GRADIENT_SHAP.takes.own, baselines="several", target=False),
    passes=Passes(random=True),
)
