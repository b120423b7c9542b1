"""A layer's gradient times its activation.

The layer's output times the score's gradient with respect to it, [rows, *the layer's shape].
"""

from captum.attr import LayerGradientXActivation

from captum_explainer.catalogue.method import About, Method, Takes

METHOD = Method(
    LayerGradientXActivation,
    about=About(
        summary="Each unit of a layer times the score's gradient with respect to it: the part of the score that is "
        "linear in the layer.",
        when="The quickest estimate of each unit's share in the score. It is exact after the last nonlinearity.",
        cost="0",
        paper="Captum, https://captum.ai/api/layer.html#layer-gradient-x-activation",
    ),
    needs="structure",
    family="layer",
    takes=Takes(smooth=True),
)
