"""Saliency: the gradient of the score with respect to the input."""

from __future__ import annotations

from captum.attr import Saliency

from captum_explainer.catalogue.method import Attribution, Method, Problem
from captum_explainer.parameters.noise_tunnel import SMOOTH
from captum_explainer.parameters.parameter import flag


def attribute(problem: Problem) -> Attribution:
    """|gradient|, or with `abs` false the signed gradient, [rows, *input shape]."""
    return problem.run(Saliency(problem.model), target=problem.target, **problem.parameters_for_captum("abs"))


METHOD = Method(
    attribute,
    summary="The gradient of the score with respect to each input value: where a small change matters most.",
    paper="Simonyan et al., Deep Inside Convolutional Networks, https://arxiv.org/abs/1312.6034",
    when="Where a small change matters most, at the price of one gradient; noisy: `smooth` helps.",
    cost="0",
    parameters={"abs": flag(True, "absolute values of the gradient; false keeps the sign"), **SMOOTH},
    slope=True,
)
