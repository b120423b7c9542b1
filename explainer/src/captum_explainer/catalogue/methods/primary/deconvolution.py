"""Deconvolution."""

from __future__ import annotations

from captum.attr import Deconvolution

from captum_explainer.catalogue.method import About, Attribution, Method, Problem, Takes
from captum_explainer.parameters.noise_tunnel import SMOOTH
from captum_explainer.predictor_client.description import Access
from captum_explainer.skeleton.cuts import Cuts


def attribute(problem: Problem) -> Attribution:
    """What comes back where each ReLU is applied to the gradient instead of the input, [rows, *input shape]."""
    return problem.run(Deconvolution(problem.model), target=problem.target)


METHOD = Method(
    attribute,
    about=About(
        summary="The gradient to which each ReLU is applied on its way back, instead of the ReLU's own derivative.",
        when="Sharp pictures of what excites the network; like guided backpropagation's they depend "
        "little on the class.",
        cost="remote - 1",
        paper="Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, https://arxiv.org/abs/1311.2901",
    ),
    access=Access.STRUCTURE,
    takes=Takes(parameters=SMOOTH),
    cuts=Cuts(nonlinearities=True),
    slope=True,
)
