"""DeepLIFT SHAP of a neuron."""

from __future__ import annotations

from captum.attr import NeuronDeepLiftShap

from captum_explainer.catalogue.method import About, Attribution, Method, Passes, Problem, Takes, detach
from captum_explainer.catalogue.methods.primary.deep_lift_shap import METHOD as DEEP_LIFT_SHAP
from captum_explainer.predictor_client.description import Access
from captum_explainer.skeleton.cuts import Cuts


def attribute(problem: Problem) -> Attribution:
    """DeepLIFT's contributions to the neuron, averaged over the baselines, [1, *input shape]."""
    values = NeuronDeepLiftShap(problem.model, problem.only_layer).attribute(
        problem.inputs, problem.neuron, baselines=problem.baselines
    )
    return detach(values)


METHOD = Method(
    attribute,
    about=About(
        summary="DeepLIFT SHAP of one neuron of a layer instead of the score.",
        when="What makes a neuron differ from its values at typical instances.",
        cost="instances * below",
        paper=DEEP_LIFT_SHAP.about.paper,
    ),
    access=Access.STRUCTURE,
    family="neuron",
    takes=Takes(baselines="distribution", target=False),
    cuts=Cuts(nonlinearities=True),
    passes=Passes(one_by_one=True),
)
