"""KernelSHAP."""

from captum.attr import KernelShap

from captum_explainer.catalogue.method import About, Attribution, Method, Passes, Problem, Takes
from captum_explainer.catalogue.surrogates import ScoredModel, attribute_by_surrogate
from captum_explainer.parameters.parameter import integer
from captum_explainer.parameters.perturbations import PERTURBATIONS_PER_EVAL


def attribute(problem: Problem) -> Attribution:
    """Each segment's SHAP value, repeated for each of its values, [1, *input shape]."""
    explainer = KernelShap(problem.model)
    explainer.interpretable_model = ScoredModel(explainer.interpretable_model, explainer.inf_weight)
    return attribute_by_surrogate(problem, explainer)


METHOD = Method(
    KernelShap,
    attribute_by=attribute,
    about=About(
        summary="SHAP values of the input's segments, from a linear fit to the scores of random subsets of them.",
        when="SHAP values for any model, even one that gives only scores. The fit (r2) shows how far to trust them.",
        cost="instances * ceil(n_samples / perturbations_per_eval)",
        paper="Lundberg and Lee, A Unified Approach to Interpreting Model Predictions, https://arxiv.org/abs/1705.07874",
    ),
    needs="scores",
    takes=Takes(
        own={
            "n_samples": integer(500, "random subsets of segments", limit="max_samples"),
            **PERTURBATIONS_PER_EVAL,
        },
        baselines="one",
        segments=True,
    ),
    passes=Passes(random=True),
)
