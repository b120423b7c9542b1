"""Saliency: the gradient of the score with respect to the input."""

from __future__ import annotations

from captum.attr import Saliency

from captum_explainer.catalogue.method import About, Attribution, Method, Problem, Takes
from captum_explainer.parameters.noise_tunnel import SMOOTH
from captum_explainer.parameters.parameter import flag


def attribute(problem: Problem) -> Attribution:
    """|gradient|, or with `abs` false the signed gradient, [rows, *input shape]."""
    return problem.run(Saliency(problem.model), target=problem.target, **problem.parameters_for_captum("abs"))


METHOD = Method(
    attribute,
    about=About(
        summary="The gradient of the score with respect to each input value: where a small change matters most.",
        when="Where a small change matters most, at the price of one gradient; noisy: `smooth` helps.",
        cost="0",
        paper="Simonyan et al., Deep Inside Convolutional Networks, https://arxiv.org/abs/1312.6034",
    ),
    takes=Takes(
        parameters={"abs": flag(True, "absolute values of the gradient; false keeps the sign"), **SMOOTH},
    ),
    slope=True,
)
