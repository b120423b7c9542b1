"""Guided backpropagation.

The gradient, of which each ReLU passes back only the positive part, [rows, *input shape].
"""

from captum.attr import GuidedBackprop

from captum_explainer.catalogue.method import About, Method, Takes

METHOD = Method(
    GuidedBackprop,
    about=About(
        summary="The gradient, of which each ReLU passes back only the positive part.",
        when="Sharp pictures of what excites the network. They depend little on the class (Adebayo et al. 2018).",
        cost="remote - 1",
        paper="Springenberg et al., Striving for Simplicity, https://arxiv.org/abs/1412.6806",
    ),
    needs="structure",
    takes=Takes(smooth=True),
    backward="nonlinearities",
    slope=True,
)
