"""Input times gradient."""

from __future__ import annotations

from captum.attr import InputXGradient

from captum_explainer.catalogue.method import About, Attribution, Method, Problem, Takes
from captum_explainer.parameters.noise_tunnel import SMOOTH


def attribute(problem: Problem) -> Attribution:
    """The input times its gradient, [rows, *input shape]; positive values raise the score."""
    return problem.run(InputXGradient(problem.model), target=problem.target)


METHOD = Method(
    attribute,
    about=About(
        summary="Each input value times its gradient: the score's linear part.",
        when="The quickest contributions: exact of a linear model, rough of any other.",
        cost="0",
        paper="Shrikumar et al., Not Just a Black Box, https://arxiv.org/abs/1605.01713",
    ),
    takes=Takes(parameters=SMOOTH),
)
