"""LIME."""

from captum._utils.models.linear_model import SkLearnLasso
from captum.attr import Lime

from captum_explainer.catalogue.method import About, Attribution, Method, Passes, Problem, Takes
from captum_explainer.catalogue.ridge import attribute_by_ridge
from captum_explainer.catalogue.surrogates import ScoredModel, attribute_by_surrogate
from captum_explainer.parameters.parameter import integer
from captum_explainer.parameters.perturbations import PERTURBATIONS_PER_EVAL
from captum_explainer.parameters.surrogates import SURROGATE_PARAMETERS


def attribute(problem: Problem) -> Attribution:
    """Each segment's coefficient in a local linear model, repeated for each of its values, [1, *input shape]."""
    if problem.parameters["surrogate"] == "ridge":
        return attribute_by_ridge(problem)
    lasso = SkLearnLasso(alpha=problem.parameters["alpha"])
    return attribute_by_surrogate(problem, Lime(problem.model, interpretable_model=ScoredModel(lasso)))


METHOD = Method(
    Lime,
    attribute_by=attribute,
    about=About(
        summary="A linear model of the score near the input, fitted to random subsets of the input's segments.",
        when="A few segments that speak for or against a class, for any model. Weak segments get zero. Look at the fit "
        "(r2).",
        cost="instances * ceil(n_samples / perturbations_per_eval)",
        paper="Ribeiro et al., Why Should I Trust You?, https://arxiv.org/abs/1602.04938",
    ),
    needs="scores",
    takes=Takes(
        own={
            "n_samples": integer(500, "random subsets of segments", limit="max_samples"),
            **SURROGATE_PARAMETERS,
            **PERTURBATIONS_PER_EVAL,
        },
        baselines="one",
        segments=True,
    ),
    passes=Passes(random=True),
)
