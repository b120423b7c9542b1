"""Shapley value sampling."""

from captum.attr import ShapleyValueSampling

from captum_explainer.catalogue.method import About, Attribution, Method, Passes, Problem, Takes
from captum_explainer.catalogue.segment_space import attribute_segments
from captum_explainer.parameters.parameter import integer
from captum_explainer.parameters.perturbations import PERTURBATIONS_PER_EVAL


def attribute(problem: Problem) -> Attribution:
    """Each segment's estimated Shapley value, repeated for each of its values, [1, *input shape]."""
    return attribute_segments(
        ShapleyValueSampling, problem, **problem.parameters_for_captum("n_samples", "perturbations_per_eval")
    )


METHOD = Method(
    ShapleyValueSampling,
    attribute_by=attribute,
    about=About(
        summary="Shapley values of the input's segments, from adding them to the baseline in random orders.",
        when="Unbiased Shapley values without a fit, which add up for any number of orders. Use few segments, because "
        "each order evaluates all of them.",
        cost="instances * (1 + n_samples * ceil(segments / perturbations_per_eval))",
        paper="Castro et al., Polynomial calculation of the Shapley value based on sampling, "
        "https://doi.org/10.1016/j.cor.2008.04.004",
    ),
    needs="scores",
    takes=Takes(
        own={
            "n_samples": integer(25, "random orders of the segments", limit="max_samples"),
            **PERTURBATIONS_PER_EVAL,
        },
        baselines="one",
        segments=True,
        segmentation="grid",
        evaluations=lambda segments, parameters: segments * parameters["n_samples"],
    ),
    passes=Passes(random=True),
)
