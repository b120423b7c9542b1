"""Guided backpropagation of a neuron."""

from __future__ import annotations

from captum.attr import NeuronGuidedBackprop

from captum_explainer.catalogue.method import About, Attribution, Method, Problem, Takes
from captum_explainer.catalogue.methods.primary.guided_backprop import METHOD as GUIDED_BACKPROP
from captum_explainer.parameters.noise_tunnel import SMOOTH
from captum_explainer.predictor_client.description import Access
from captum_explainer.skeleton.cuts import Cuts


def attribute(problem: Problem) -> Attribution:
    """The neuron's gradient of which each ReLU passes only the positive part, [rows, *input shape]."""
    explainer = NeuronGuidedBackprop(problem.model, problem.only_layer)
    return problem.run(explainer, neuron_selector=problem.neuron)


METHOD = Method(
    attribute,
    about=About(
        summary="Guided backpropagation from one neuron of a layer instead of the score.",
        when="The pattern in the picture that excites a neuron, with less noise than its gradient.",
        cost="below - 1",
        paper=GUIDED_BACKPROP.about.paper,
    ),
    access=Access.STRUCTURE,
    family="neuron",
    takes=Takes(parameters=SMOOTH, target=False),
    cuts=Cuts(nonlinearities=True),
)
