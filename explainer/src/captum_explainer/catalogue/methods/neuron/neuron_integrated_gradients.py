"""Integrated gradients of a neuron."""

from __future__ import annotations

from captum.attr import NeuronIntegratedGradients

from captum_explainer.catalogue.method import Attribution, Method, Problem
from captum_explainer.parameters.noise_tunnel import SMOOTH
from captum_explainer.parameters.path import PATH_PARAMETERS, path_arguments
from captum_explainer.predictor_client.description import Access


def attribute(problem: Problem) -> Attribution:
    """The integral of a neuron's gradient from baseline to input, [rows, *input shape]."""
    return problem.run(
        NeuronIntegratedGradients(problem.model, problem.only_layer),
        neuron_selector=problem.neuron,
        baselines=problem.baselines,
        **path_arguments(problem.parameters),
    )


METHOD = Method(
    attribute,
    summary="Integrated gradients of one neuron of a layer instead of the score.",
    paper="Sundararajan et al., Axiomatic Attribution for Deep Networks, https://arxiv.org/abs/1703.01365",
    when="What makes a neuron differ from its value at the baseline; it adds up to that difference.",
    cost="passes",
    access=Access.STRUCTURE,
    family="neuron",
    parameters={**PATH_PARAMETERS, **SMOOTH},
    baselines="one",
    takes_target=False,
)
