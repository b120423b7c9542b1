"""Grad-CAM of a layer.

The layer's output times its channel's mean gradient, summed over channels, [rows, 1, *the layer's space].
"""

from captum.attr import LayerGradCam

from captum_explainer.catalogue.method import About, Method, Takes
from captum_explainer.parameters.parameter import flag

METHOD = Method(
    LayerGradCam,
    about=About(
        summary="Where a layer responds to what raises the score: its channels, weighted by their mean gradient.",
        when="A coarse map of where the class is seen. The usual layer is the last convolution.",
        cost="0",
        paper="Selvaraju et al., Grad-CAM, https://arxiv.org/abs/1610.02391",
    ),
    needs="structure",
    family="layer",
    takes=Takes(
        own={
            "relu_attributions": flag(False, "keep only what raises the score, as the paper does"),
            "attr_dim_summation": flag(True, "sum over the layer's channels"),
        },
        smooth=True,
    ),
)
