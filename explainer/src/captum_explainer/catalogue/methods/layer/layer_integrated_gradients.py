"""Integrated gradients of a layer.

The integral of the gradient between the layer's outputs at baseline and input, [rows, *the layer's shape].
"""

from captum.attr import LayerIntegratedGradients

from captum_explainer.catalogue.method import About, Method, Passes, Takes

METHOD = Method(
    LayerIntegratedGradients,
    about=About(
        summary="Integrated gradients along the straight path between a layer's outputs at the baseline and at the "
        "input.",
        when="Contributions of a layer's units that add up, along a path within the layer.",
        cost="4 + 2 * passes",
        paper="Sundararajan et al., Axiomatic Attribution for Deep Networks, https://arxiv.org/abs/1703.01365",
    ),
    needs="structure",
    family="layer",
    takes=Takes(path=True, smooth=True, baselines="one"),
    passes=Passes(replaces_layer=True),
    complete=True,
)
