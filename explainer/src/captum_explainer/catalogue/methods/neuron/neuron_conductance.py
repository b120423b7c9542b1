"""The conductance of a neuron."""

from __future__ import annotations

from captum.attr import NeuronConductance

from captum_explainer.catalogue.method import About, Attribution, Method, Problem, Takes
from captum_explainer.catalogue.methods.layer.layer_conductance import METHOD as LAYER_CONDUCTANCE
from captum_explainer.parameters.noise_tunnel import SMOOTH
from captum_explainer.parameters.path import PATH_PARAMETERS, translate_path
from captum_explainer.predictor_client.description import Access


def attribute(problem: Problem) -> Attribution:
    """What of the integrated gradients flows from each input value through the neuron, [rows, *input shape]."""
    return problem.run(
        NeuronConductance(problem.model, problem.only_layer),
        neuron_selector=problem.neuron,
        baselines=problem.baselines,
        target=problem.target,
        **translate_path(problem.parameters),
    )


METHOD = Method(
    attribute,
    about=About(
        summary="How much of each input value's integrated gradient flows through one neuron to the score.",
        when="Which part of the input a neuron passes on to the score: the one neuron's method that has a target.",
        cost="2 * passes",
        paper=LAYER_CONDUCTANCE.about.paper,
    ),
    access=Access.STRUCTURE,
    family="neuron",
    takes=Takes(
        parameters={**PATH_PARAMETERS, **SMOOTH},
        baselines="one",
    ),
)
