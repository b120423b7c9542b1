"""A layer's gradient times its activation.

The layer's output times the score's gradient by it, [rows, *the layer's shape].
"""

from captum.attr import LayerGradientXActivation

from captum_explainer.catalogue.method import About, Method, Takes

METHOD = Method(
    LayerGradientXActivation,
    about=About(
        summary="Each unit of a layer times the score's gradient by it: the score's linear part in the layer.",
        when="The quickest share of each unit of a layer in the score; behind the last nonlinearity it is exact.",
        cost="0",
        paper="Captum, https://captum.ai/api/layer.html#layer-gradient-x-activation",
    ),
    needs="structure",
    family="layer",
    takes=Takes(smooth=True),
)
