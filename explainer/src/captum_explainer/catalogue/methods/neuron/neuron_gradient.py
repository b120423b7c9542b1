"""The gradient of a neuron."""

from __future__ import annotations

from captum.attr import NeuronGradient

from captum_explainer.catalogue.method import About, Attribution, Method, Problem, Takes
from captum_explainer.parameters.noise_tunnel import SMOOTH
from captum_explainer.predictor_client.description import Access


def attribute(problem: Problem) -> Attribution:
    """The gradient of one neuron of a layer with respect to the input, [rows, *input shape]."""
    return problem.run(NeuronGradient(problem.model, problem.only_layer), neuron_selector=problem.neuron)


METHOD = Method(
    attribute,
    about=About(
        summary="The gradient of one neuron of a layer with respect to each input value.",
        when="Where a small change moves a neuron most.",
        cost="0",
        paper="Simonyan et al., Deep Inside Convolutional Networks, https://arxiv.org/abs/1312.6034",
    ),
    access=Access.STRUCTURE,
    family="neuron",
    takes=Takes(parameters=SMOOTH, target=False),
)
