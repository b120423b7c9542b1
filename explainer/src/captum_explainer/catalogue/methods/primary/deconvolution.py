"""Deconvolution.

The gradient, to which each ReLU is applied on its way back, [rows, *input shape].
"""

from captum.attr import Deconvolution

from captum_explainer.catalogue.method import About, Method, Takes

METHOD = Method(
    Deconvolution,
    about=About(
        summary="The gradient, to which each ReLU is applied on its way back in place of the ReLU's own derivative.",
        when="Sharp pictures of what excites the network. Like guided backpropagation's, they depend little on the "
        "class.",
        cost="remote - 1",
        paper="Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, https://arxiv.org/abs/1311.2901",
    ),
    needs="structure",
    takes=Takes(smooth=True),
    backward="nonlinearities",
    slope=True,
)
