"""Deconvolution of a neuron."""

from __future__ import annotations

from captum.attr import NeuronDeconvolution

from captum_explainer.catalogue.method import About, Attribution, Method, Problem, Takes
from captum_explainer.catalogue.methods.primary.deconvolution import METHOD as DECONVOLUTION
from captum_explainer.parameters.noise_tunnel import SMOOTH
from captum_explainer.predictor_client.description import Access
from captum_explainer.skeleton.cuts import Cuts


def attribute(problem: Problem) -> Attribution:
    """What comes back from the neuron where each ReLU is applied to the gradient, [rows, *input shape]."""
    explainer = NeuronDeconvolution(problem.model, problem.only_layer)
    return problem.run(explainer, neuron_selector=problem.neuron)


METHOD = Method(
    attribute,
    about=About(
        summary="Deconvolution from one neuron of a layer instead of the score.",
        when="The pattern in the picture that excites a neuron, in sharp strokes.",
        cost="below - 1",
        paper=DECONVOLUTION.about.paper,
    ),
    access=Access.STRUCTURE,
    family="neuron",
    takes=Takes(parameters=SMOOTH, target=False),
    cuts=Cuts(nonlinearities=True),
)
