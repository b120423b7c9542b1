"""Occlusion.

How much the score falls when a window of the input is replaced by the baseline, [rows, *input shape].
"""

from captum.attr import Occlusion

from captum_explainer.catalogue.method import About, Method, Takes
from captum_explainer.parameters.parameter import MOST_DIMENSIONS, Parameter
from captum_explainer.parameters.perturbations import PERTURBATIONS_PER_EVAL

SIZES = [
    {"type": "integer", "minimum": 1},
    {"type": "array", "maxItems": MOST_DIMENSIONS, "items": {"type": "integer", "minimum": 1}},
    {"type": "null"},
]

METHOD = Method(
    Occlusion,
    about=About(
        summary="How much the score falls when a sliding window of the input is replaced by the baseline.",
        when="Measures which places the score needs, for any model. A smaller window shows finer detail.",
        cost="1 + ceil(windows / perturbations_per_eval)",
        paper="Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, https://arxiv.org/abs/1311.2901",
    ),
    needs="scores",
    takes=Takes(
        own={
            "sliding_window_shapes": Parameter(
                {
                    "anyOf": SIZES,
                    "default": None,
                    "description": "the window's size in each dimension; one number sets height and width; "
                    "null: a seventh of the shorter side",
                }
            ),
            "strides": Parameter(
                {
                    "anyOf": SIZES,
                    "default": None,
                    "description": "the window's step in each dimension; one number sets height and width; "
                    "null: half the window",
                }
            ),
            **PERTURBATIONS_PER_EVAL,
        },
        baselines="one",
    ),
)
