"""Integrated gradients."""

from __future__ import annotations

from captum.attr import IntegratedGradients

from captum_explainer.method import Attribution, Method, Problem, detached
from captum_explainer.parameters.path import PATH_PARAMETERS, path_arguments


def attribute(problem: Problem) -> Attribution:
    """The gradient's integral from baseline to input, [rows, *input shape]; it sums to the difference of the scores."""
    values = IntegratedGradients(problem.model).attribute(
        problem.inputs, baselines=problem.baselines, target=problem.target, **path_arguments(problem)
    )
    return detached(values)


METHOD = Method(
    attribute,
    summary="The gradient's integral along the straight path from a baseline to the input.",
    paper="Sundararajan et al., Axiomatic Attribution for Deep Networks, https://arxiv.org/abs/1703.01365",
    parameters=PATH_PARAMETERS,
    baselines="one",
    complete=True,
)
