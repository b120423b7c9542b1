"""GradientSHAP of a neuron."""

from __future__ import annotations

from captum.attr import NeuronGradientShap

from captum_explainer.catalogue.method import About, Attribution, Method, Passes, Problem, Takes, detach
from captum_explainer.catalogue.methods.primary.gradient_shap import METHOD as GRADIENT_SHAP
from captum_explainer.predictor_client.description import Access


def attribute(problem: Problem) -> Attribution:
    """Expected gradients of a neuron at random points between baselines and the input, [1, *input shape]."""
    values = NeuronGradientShap(problem.model, problem.only_layer).attribute(
        problem.inputs,
        problem.neuron,
        baselines=problem.baselines,
        **problem.parameters_for_captum("n_samples", "stdevs"),
    )
    return detach(values)


METHOD = Method(
    attribute,
    about=About(
        summary="GradientSHAP of one neuron of a layer instead of the score.",
        when="What moves a neuron from its values at several baselines, for the price of a few gradients.",
        cost="instances",
        paper=GRADIENT_SHAP.about.paper,
    ),
    access=Access.STRUCTURE,
    family="neuron",
    takes=Takes(parameters=GRADIENT_SHAP.takes.parameters, baselines="several", target=False),
    passes=Passes(random=True),
)
