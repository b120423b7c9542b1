"""KernelSHAP."""

from __future__ import annotations

from captum.attr import KernelShap

from captum_explainer.catalogue.method import About, Attribution, Method, Passes, Problem, Takes
from captum_explainer.catalogue.surrogates import ScoredModel, describe_surrogate
from captum_explainer.parameters.parameter import integer
from captum_explainer.parameters.perturbations import PERTURBATIONS_PER_EVAL
from captum_explainer.predictor_client.description import Access


def attribute(problem: Problem) -> Attribution:
    """Each segment's SHAP value, at each of its values, [1, *input shape]."""
    assert problem.feature_mask is not None
    explainer = KernelShap(problem.model)
    explainer.interpretable_model = ScoredModel(explainer.interpretable_model, explainer.inf_weight)
    values = explainer.attribute(
        problem.inputs,
        baselines=problem.baselines,
        target=problem.target,
        feature_mask=problem.feature_mask,
        **problem.parameters_for_captum("n_samples", "perturbations_per_eval"),
    )
    return describe_surrogate(values, problem.feature_mask, explainer.interpretable_model)


METHOD = Method(
    attribute,
    about=About(
        summary="SHAP values of the input's segments, by a linear fit to the scores of random subsets of them.",
        when="SHAP values of any model, of which nothing is known but scores; the fit (r2) tells how far "
        "to believe them.",
        cost="instances * ceil(n_samples / perturbations_per_eval)",
        paper="Lundberg and Lee, A Unified Approach to Interpreting Model Predictions, https://arxiv.org/abs/1705.07874",
    ),
    access=Access.SCORES,
    takes=Takes(
        parameters={
            "n_samples": integer(500, "random subsets of segments", limit="max_samples"),
            **PERTURBATIONS_PER_EVAL,
        },
        baselines="one",
        segments=True,
    ),
    passes=Passes(random=True),
)
