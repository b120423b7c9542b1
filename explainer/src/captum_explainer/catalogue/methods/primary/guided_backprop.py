"""Guided backpropagation."""

from __future__ import annotations

from captum.attr import GuidedBackprop

from captum_explainer.catalogue.method import About, Attribution, Method, Problem, Takes
from captum_explainer.parameters.noise_tunnel import SMOOTH
from captum_explainer.predictor_client.description import Access
from captum_explainer.skeleton.cuts import Cuts


def attribute(problem: Problem) -> Attribution:
    """The gradient of which each ReLU passes only the positive part, [rows, *input shape]."""
    return problem.run(GuidedBackprop(problem.model), target=problem.target)


METHOD = Method(
    attribute,
    about=About(
        summary="The gradient of which each ReLU passes back only what is positive.",
        when="Sharp pictures of what excites the network; they depend little on the class (Adebayo et al. 2018).",
        cost="remote - 1",
        paper="Springenberg et al., Striving for Simplicity, https://arxiv.org/abs/1412.6806",
    ),
    access=Access.STRUCTURE,
    takes=Takes(parameters=SMOOTH),
    cuts=Cuts(nonlinearities=True),
    slope=True,
)
