"""Feature ablation."""

from __future__ import annotations

from captum.attr import FeatureAblation

from captum_explainer.catalogue.method import About, Attribution, Method, Passes, Problem, Takes, detach
from captum_explainer.parameters.perturbations import PERTURBATIONS_PER_EVAL
from captum_explainer.predictor_client.description import Access


def attribute(problem: Problem) -> Attribution:
    """The score's fall where a segment of the input is replaced by the baseline, [1, *input shape]."""
    values = FeatureAblation(problem.model).attribute(
        problem.inputs,
        baselines=problem.baselines,
        target=problem.target,
        feature_mask=problem.feature_mask,
        **problem.parameters_for_captum("perturbations_per_eval"),
    )
    return detach(values)


METHOD = Method(
    attribute,
    about=About(
        summary="How much the score falls where one segment of the input after the other is replaced by the baseline.",
        when="What the score needs, by segments: measured, of any model; what another segment stands in "
        "for goes unseen.",
        cost="instances * (1 + ceil(segments / perturbations_per_eval))",
        paper="Captum, https://captum.ai/docs/algorithms#feature-ablation",
    ),
    access=Access.SCORES,
    takes=Takes(parameters=PERTURBATIONS_PER_EVAL, baselines="one", segments=True),
    passes=Passes(one_by_one=True),
)
