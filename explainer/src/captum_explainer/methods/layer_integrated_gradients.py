"""Integrated gradients of a layer."""

from __future__ import annotations

from captum.attr import LayerIntegratedGradients

from captum_explainer.method import Attribution, Method, Problem, detached
from captum_explainer.parameters.path import PATH_PARAMETERS, path_arguments
from captum_explainer.predictor.description import Access


def attribute(problem: Problem) -> Attribution:
    """The gradient's integral between the layer's outputs at baseline and input, [rows, *the layer's shape]."""
    values = LayerIntegratedGradients(problem.model, problem.only_layer).attribute(
        problem.inputs, baselines=problem.baselines, target=problem.target, **path_arguments(problem)
    )
    return detached(values)


METHOD = Method(
    attribute,
    summary="Integrated gradients along the straight path between a layer's outputs at the baseline and at the input.",
    paper="Sundararajan et al., Axiomatic Attribution for Deep Networks, https://arxiv.org/abs/1703.01365",
    access=Access.STRUCTURE,
    family="layer",
    parameters=PATH_PARAMETERS,
    baselines="one",
    complete=True,
)
