"""Occlusion."""

from __future__ import annotations

from captum.attr import Occlusion

from captum_explainer.catalogue.method import About, Attribution, Method, Problem, Takes, detach
from captum_explainer.parameters.parameter import Parameter
from captum_explainer.parameters.perturbations import PERTURBATIONS_PER_EVAL
from captum_explainer.predictor_client.description import Access

WINDOW = {
    "anyOf": [
        {"type": "integer", "minimum": 1},
        {"type": "array", "items": {"type": "integer", "minimum": 1}},
    ]
}


def attribute(problem: Problem) -> Attribution:
    """The score's fall where a window of the input is replaced by the baseline, [rows, *input shape]."""
    values = Occlusion(problem.model).attribute(
        problem.inputs,
        sliding_window_shapes=tuple(problem.parameters["sliding_window_shapes"]),
        strides=tuple(problem.parameters["strides"]),
        baselines=problem.baselines,
        target=problem.target,
        **problem.parameters_for_captum("perturbations_per_eval"),
    )
    return detach(values)


METHOD = Method(
    attribute,
    about=About(
        summary="How much the score falls where a sliding window of the input is replaced by the baseline.",
        when="What the score needs, by place: measured, of any model; the window's size is how fine it looks.",
        cost="1 + ceil(windows / perturbations_per_eval)",
        paper="Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, https://arxiv.org/abs/1311.2901",
    ),
    access=Access.SCORES,
    takes=Takes(
        parameters={
            "sliding_window_shapes": Parameter(
                {
                    "anyOf": [*WINDOW["anyOf"], {"type": "null"}],
                    "default": None,
                    "description": "the window's size in each dimension; one number: height and width; null: a seventh",
                }
            ),
            "strides": Parameter(
                {
                    "anyOf": [*WINDOW["anyOf"], {"type": "null"}],
                    "default": None,
                    "description": "the window's step in each dimension; one number: height and width; "
                    "null: half of it",
                }
            ),
            **PERTURBATIONS_PER_EVAL,
        },
        baselines="one",
    ),
)
