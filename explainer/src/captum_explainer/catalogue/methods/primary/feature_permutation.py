"""Feature permutation."""

from __future__ import annotations

from captum.attr import FeaturePermutation

from captum_explainer.catalogue.method import About, Attribution, Method, Passes, Problem, Takes, detach
from captum_explainer.parameters.perturbations import PERTURBATIONS_PER_EVAL
from captum_explainer.predictor_client.description import Access


def attribute(problem: Problem) -> Attribution:
    """The score's fall where a segment comes from another of the instances, [rows, *input shape]."""
    values = FeaturePermutation(problem.model).attribute(
        problem.inputs,
        target=problem.target,
        feature_mask=problem.feature_mask,
        **problem.parameters_for_captum("perturbations_per_eval"),
    )
    return detach(values)


METHOD = Method(
    attribute,
    about=About(
        summary="How much the score falls where one segment after the other is swapped among the request's instances.",
        when="What the model relies on, over a batch of instances that are alike in layout; it needs no baseline. "
        "Two instances or more, and the answer for one depends on the others.",
        cost="1 + ceil(segments / perturbations_per_eval)",
        paper="Fisher et al., All Models are Wrong, but Many are Useful, https://arxiv.org/abs/1801.01489",
    ),
    access=Access.SCORES,
    takes=Takes(parameters=PERTURBATIONS_PER_EVAL, segments=True, segmentation="grid"),
    passes=Passes(random=True, across=True),
)
