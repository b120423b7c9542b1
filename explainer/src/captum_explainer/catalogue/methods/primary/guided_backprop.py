"""Guided backpropagation."""

from __future__ import annotations

from captum.attr import GuidedBackprop

from captum_explainer.catalogue.method import Attribution, Method, Problem
from captum_explainer.parameters.noise_tunnel import SMOOTH
from captum_explainer.predictor_client.description import Access


def attribute(problem: Problem) -> Attribution:
    """The gradient of which each ReLU passes only the positive part, [rows, *input shape]."""
    return problem.run(GuidedBackprop(problem.model), target=problem.target)


METHOD = Method(
    attribute,
    summary="The gradient of which each ReLU passes back only what is positive.",
    paper="Springenberg et al., Striving for Simplicity, https://arxiv.org/abs/1412.6806",
    when="Sharp pictures of what excites the network; they depend little on the class (Adebayo et al. 2018).",
    cost="remote - 1",
    access=Access.STRUCTURE,
    parameters=SMOOTH,
    nonlinearities=True,
    slope=True,
)
