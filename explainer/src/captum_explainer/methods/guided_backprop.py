"""Guided backpropagation."""

from __future__ import annotations

from captum.attr import GuidedBackprop

from captum_explainer.method import Attribution, Method, Problem, detached
from captum_explainer.predictor.description import Access


def attribute(problem: Problem) -> Attribution:
    """The gradient of which each ReLU passes only the positive part, [rows, *input shape]."""
    return detached(GuidedBackprop(problem.model).attribute(problem.inputs, target=problem.target))


METHOD = Method(
    attribute,
    summary="The gradient of which each ReLU passes back only what is positive.",
    paper="Springenberg et al., Striving for Simplicity, https://arxiv.org/abs/1412.6806",
    access=Access.STRUCTURE,
    nonlinearities=True,
)
