"""Shapley value sampling."""

from __future__ import annotations

from captum.attr import ShapleyValueSampling

from captum_explainer.method import Attribution, Method, Problem, segmented
from captum_explainer.parameters.kinds import integer
from captum_explainer.parameters.perturbations import PERTURBATIONS_PER_EVAL
from captum_explainer.predictor.description import Access


def attribute(problem: Problem) -> Attribution:
    """Each segment's estimated Shapley value, at each of its values, [1, *input shape]."""
    values = ShapleyValueSampling(problem.model).attribute(
        problem.inputs,
        baselines=problem.baselines,
        target=problem.target,
        feature_mask=problem.feature_mask,
        **problem.parameters_for_captum("n_samples", "perturbations_per_eval"),
    )
    return segmented(values, problem)


METHOD = Method(
    attribute,
    summary="Shapley values of the input's segments, by adding them to the baseline in random orders.",
    paper="Castro et al., Polynomial calculation of the Shapley value based on sampling, "
    "https://doi.org/10.1016/j.cor.2008.04.004",
    when="Shapley values without a fit: unbiased, and they add up whatever the number of orders; "
    "for few segments, since each order evaluates each of them.",
    cost="instances * (1 + n_samples * ceil(segments / perturbations_per_eval))",
    access=Access.SCORES,
    parameters={
        "n_samples": integer(25, "random orders of the segments", limit="max_samples"),
        **PERTURBATIONS_PER_EVAL,
    },
    baselines="one",
    takes_segments=True,
    evaluations=lambda segments, parameters: segments * parameters["n_samples"],
    random=True,
)
