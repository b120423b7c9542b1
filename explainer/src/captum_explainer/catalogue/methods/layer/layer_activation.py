"""The activation of a layer.

The layer's output, [rows, *the layer's shape].
"""

from captum.attr import LayerActivation

from captum_explainer.catalogue.method import About, Method, Takes

METHOD = Method(
    LayerActivation,
    about=About(
        summary="A layer's output for the input, as the network computes it.",
        when="What a layer sees, whatever the class: the cheapest look into the network. It does not explain a score.",
        cost="0",
        paper="Captum, https://captum.ai/api/layer.html#layer-activation",
    ),
    needs="structure",
    family="layer",
    takes=Takes(target=False),
)
