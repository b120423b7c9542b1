"""Saliency: the gradient of the score with respect to the input."""

from __future__ import annotations

from captum.attr import Saliency

from captum_explainer.method import Attribution, Method, Problem, detached
from captum_explainer.parameters.kinds import flag


def attribute(problem: Problem) -> Attribution:
    """|gradient|, or with `abs` false the signed gradient, [rows, *input shape]."""
    values = Saliency(problem.model).attribute(
        problem.inputs, target=problem.target, **problem.parameters_for_captum("abs")
    )
    return detached(values)


METHOD = Method(
    attribute,
    summary="The gradient of the score with respect to each input value: where a small change matters most.",
    paper="Simonyan et al., Deep Inside Convolutional Networks, https://arxiv.org/abs/1312.6034",
    parameters={"abs": flag(True, "absolute values of the gradient; false keeps the sign")},
)
