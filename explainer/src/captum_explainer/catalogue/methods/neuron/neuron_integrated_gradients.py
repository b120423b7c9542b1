"""Integrated gradients of a neuron."""

from __future__ import annotations

from captum.attr import NeuronIntegratedGradients

from captum_explainer.catalogue.method import About, Attribution, Method, Problem, Takes
from captum_explainer.parameters.noise_tunnel import SMOOTH
from captum_explainer.parameters.path import PATH_PARAMETERS, translate_path
from captum_explainer.predictor_client.description import Access


def attribute(problem: Problem) -> Attribution:
    """The integral of a neuron's gradient from baseline to input, [rows, *input shape]."""
    return problem.run(
        NeuronIntegratedGradients(problem.model, problem.only_layer),
        neuron_selector=problem.neuron,
        baselines=problem.baselines,
        **translate_path(problem.parameters),
    )


METHOD = Method(
    attribute,
    about=About(
        summary="Integrated gradients of one neuron of a layer instead of the score.",
        when="What makes a neuron differ from its value at the baseline; it adds up to that difference.",
        cost="passes",
        paper="Sundararajan et al., Axiomatic Attribution for Deep Networks, https://arxiv.org/abs/1703.01365",
    ),
    access=Access.STRUCTURE,
    family="neuron",
    takes=Takes(
        parameters={**PATH_PARAMETERS, **SMOOTH},
        baselines="one",
        target=False,
    ),
)
