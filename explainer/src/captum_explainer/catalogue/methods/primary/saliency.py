"""Saliency: the gradient of the score with respect to the input.

|gradient|, or with `abs` false the signed gradient, [rows, *input shape].
"""

from captum.attr import Saliency

from captum_explainer.catalogue.method import About, Method, Takes
from captum_explainer.parameters.parameter import flag

METHOD = Method(
    Saliency,
    about=About(
        summary="The gradient of the score with respect to each input value.",
        when="Where a small change matters most, for the price of one gradient. It is noisy: `smooth` helps.",
        cost="0",
        paper="Simonyan et al., Deep Inside Convolutional Networks, https://arxiv.org/abs/1312.6034",
    ),
    takes=Takes(
        own={"abs": flag(True, "absolute values of the gradient; false keeps the sign")},
        smooth=True,
    ),
    slope=True,
)
