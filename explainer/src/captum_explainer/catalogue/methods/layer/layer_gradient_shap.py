"""GradientSHAP of a layer."""

from __future__ import annotations

from captum.attr import LayerGradientShap

from captum_explainer.catalogue.method import About, Attribution, Method, Passes, Problem, Takes, detach
from captum_explainer.catalogue.methods.primary.gradient_shap import METHOD as GRADIENT_SHAP
from captum_explainer.predictor_client.description import Access


def attribute(problem: Problem) -> Attribution:
    """Expected gradients by the layer's output times its difference from the baselines', [1, *the layer's shape]."""
    values = LayerGradientShap(problem.model, problem.only_layer).attribute(
        problem.inputs,
        baselines=problem.baselines,
        target=problem.target,
        **problem.parameters_for_captum("n_samples", "stdevs"),
    )
    return detach(values)


METHOD = Method(
    attribute,
    about=About(
        summary="GradientSHAP of a layer's output instead of the input.",
        when="A layer's units against those of several baselines, at the price of a few gradients; it adds up roughly.",
        cost="instances * 3",
        paper=GRADIENT_SHAP.about.paper,
    ),
    access=Access.STRUCTURE,
    family="layer",
    takes=Takes(parameters=GRADIENT_SHAP.takes.parameters, baselines="several"),
    passes=Passes(random=True),
    complete=True,
)
