"""Shapley values, by all orders."""

import math

from captum.attr import ShapleyValues

from captum_explainer.catalogue.method import About, Attribution, Method, Passes, Problem, Takes
from captum_explainer.catalogue.segment_space import attribute_segments
from captum_explainer.parameters.parameter import integer
from captum_explainer.parameters.perturbations import PERTURBATIONS_PER_EVAL


def attribute(problem: Problem) -> Attribution:
    """Each segment's Shapley value, repeated for each of its values, [1, *input shape]."""
    return attribute_segments(ShapleyValues, problem, **problem.parameters_for_captum("perturbations_per_eval"))


METHOD = Method(
    ShapleyValues,
    attribute_by=attribute,
    about=About(
        summary="Exact Shapley values of a few segments of the input, from all orders of adding them to the baseline.",
        when="Exact values for very few segments: n segments take n! * n evaluations (six take 4,320).",
        cost="instances * (1 + factorial(segments) * ceil(segments / perturbations_per_eval))",
        paper="Shapley, A Value for n-Person Games, https://doi.org/10.1515/9781400881970-018",
    ),
    needs="scores",
    takes=Takes(
        own={
            **PERTURBATIONS_PER_EVAL,
            "n_segments": integer(4, "approximate number of patches", minimum=2, limit="max_perturbations"),
        },
        baselines="one",
        segments=True,
        segmentation="grid",
        evaluations=lambda segments, _: math.factorial(segments) * segments,
    ),
    passes=Passes(one_by_one=True),
)
