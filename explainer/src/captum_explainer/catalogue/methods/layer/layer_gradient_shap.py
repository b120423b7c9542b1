"""GradientSHAP of a layer.

Expected gradients with respect to the layer's output, times its difference from the baselines' outputs,
[1, *the layer's shape].
"""

from captum.attr import LayerGradientShap

from captum_explainer.catalogue.method import About, Method, Passes, Takes
from captum_explainer.catalogue.methods.primary.gradient_shap import METHOD as GRADIENT_SHAP

METHOD = Method(
    LayerGradientShap,
    about=About(
        summary="GradientSHAP for a layer's output instead of the input.",
        when="A layer's units against those of several baselines, for the price of a few gradients. They add up "
        "roughly.",
        cost="instances * 3",
        paper="Lundberg and Lee, A Unified Approach to Interpreting Model Predictions, https://arxiv.org/abs/1705.07874",
    ),
    needs="structure",
    family="layer",
    takes=Takes(own=GRADIENT_SHAP.takes.own, baselines="several"),
    passes=Passes(random=True),
    complete=True,
)
