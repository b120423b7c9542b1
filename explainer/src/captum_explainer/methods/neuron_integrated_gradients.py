"""Integrated gradients of a neuron."""

from __future__ import annotations

from captum.attr import NeuronIntegratedGradients

from captum_explainer.method import Attribution, Method, Problem, detached
from captum_explainer.parameters.path import PATH_PARAMETERS, path_arguments
from captum_explainer.predictor.description import Access


def attribute(problem: Problem) -> Attribution:
    """The integral of a neuron's gradient from baseline to input, [rows, *input shape]."""
    values = NeuronIntegratedGradients(problem.model, problem.only_layer).attribute(
        problem.inputs, problem.neuron, baselines=problem.baselines, **path_arguments(problem)
    )
    return detached(values)


METHOD = Method(
    attribute,
    summary="Integrated gradients of one neuron of a layer instead of the score.",
    paper="Sundararajan et al., Axiomatic Attribution for Deep Networks, https://arxiv.org/abs/1703.01365",
    access=Access.STRUCTURE,
    family="neuron",
    parameters=PATH_PARAMETERS,
    baselines="one",
)
