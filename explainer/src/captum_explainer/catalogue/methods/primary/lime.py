"""LIME."""

from __future__ import annotations

from captum._utils.models.linear_model import SkLearnLasso
from captum.attr import Lime

from captum_explainer.catalogue.method import About, Attribution, Method, Passes, Problem, Takes
from captum_explainer.catalogue.ridge import attribute_by_ridge
from captum_explainer.catalogue.surrogates import ScoredModel, describe_surrogate
from captum_explainer.parameters.parameter import integer
from captum_explainer.parameters.perturbations import PERTURBATIONS_PER_EVAL
from captum_explainer.parameters.surrogates import SURROGATE_PARAMETERS
from captum_explainer.predictor_client.description import Access


def attribute(problem: Problem) -> Attribution:
    """Each segment's coefficient in a local linear model, at each of its values, [1, *input shape]."""
    assert problem.feature_mask is not None
    if problem.parameters["surrogate"] == "ridge":
        return attribute_by_ridge(problem, problem.feature_mask)
    explainer = Lime(problem.model, interpretable_model=ScoredModel(SkLearnLasso(alpha=problem.parameters["alpha"])))
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
        summary="A linear model of the score, fitted to random subsets of the input's segments near the input.",
        when="A few segments that speak for or against a class, of any model; what is weak is zero. Look "
        "at the fit (r2).",
        cost="instances * ceil(n_samples / perturbations_per_eval)",
        paper="Ribeiro et al., Why Should I Trust You?, https://arxiv.org/abs/1602.04938",
    ),
    access=Access.SCORES,
    takes=Takes(
        parameters={
            "n_samples": integer(500, "random subsets of segments", limit="max_samples"),
            **SURROGATE_PARAMETERS,
            **PERTURBATIONS_PER_EVAL,
        },
        baselines="one",
        segments=True,
    ),
    passes=Passes(random=True),
)
