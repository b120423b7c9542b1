"""The gradient of a neuron."""

from __future__ import annotations

from captum.attr import NeuronGradient

from captum_explainer.method import Attribution, Method, Problem, detached
from captum_explainer.predictor.description import Access


def attribute(problem: Problem) -> Attribution:
    """The gradient of one neuron of a layer with respect to the input, [rows, *input shape]."""
    values = NeuronGradient(problem.model, problem.only_layer).attribute(problem.inputs, problem.neuron)
    return detached(values)


METHOD = Method(
    attribute,
    summary="The gradient of one neuron of a layer with respect to each input value.",
    paper="Simonyan et al., Deep Inside Convolutional Networks, https://arxiv.org/abs/1312.6034",
    access=Access.STRUCTURE,
    family="neuron",
)
