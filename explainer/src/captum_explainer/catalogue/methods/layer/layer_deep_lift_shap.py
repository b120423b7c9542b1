"""DeepLIFT SHAP of a layer."""

from __future__ import annotations

from captum.attr import LayerDeepLiftShap

from captum_explainer.catalogue.method import About, Attribution, Method, Passes, Problem, Takes, detach
from captum_explainer.catalogue.methods.primary.deep_lift_shap import METHOD as DEEP_LIFT_SHAP
from captum_explainer.predictor_client.description import Access
from captum_explainer.skeleton.cuts import Cuts


def attribute(problem: Problem) -> Attribution:
    """DeepLIFT's contributions of the layer's differences, averaged over the baselines, [1, *the layer's shape]."""
    values = LayerDeepLiftShap(problem.model, problem.only_layer).attribute(
        problem.inputs, baselines=problem.baselines, target=problem.target
    )
    return detach(values)


METHOD = Method(
    attribute,
    about=About(
        summary="DeepLIFT SHAP of a layer's output instead of the input.",
        when="SHAP values of a layer's units, against the layer's outputs at typical instances.",
        cost="instances * above",
        paper=DEEP_LIFT_SHAP.about.paper,
    ),
    access=Access.STRUCTURE,
    family="layer",
    takes=Takes(baselines="distribution"),
    cuts=Cuts(nonlinearities=True),
    passes=Passes(one_by_one=True),
    complete=True,
)
