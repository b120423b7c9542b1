"""The parameters that are not one method's own: which method takes which of them, and their defaults."""

from __future__ import annotations

import math

from captum_explainer.method import Method
from captum_explainer.parameters.kinds import Parameter, choice, flag, integer, number
from captum_explainer.predictor.description import Access, Description
from captum_explainer.segmentation import ALGORITHMS, default_algorithm

NAMED_BASELINES = ("zeros", "ones", "mean", "blur", "random")
LARGEST_SEED = 2**32 - 1
# Ablating each value of a larger instance by itself would take more calls than an answer is worth waiting for.
MOST_SINGLE_VALUES = 1024


def all_parameters(method: Method, description: Description) -> dict[str, Parameter]:
    """Every parameter that the method takes for this model, but for `method` itself."""
    shared = {"seed": SEED}
    if method.family != "neuron":
        shared |= {"output": _output(description), "target": TARGET, "top_k": TOP_K}
    if method.has_layer:
        shared["layer"] = _layer(description)
    if method.family == "layer":
        shared |= {"upsample": UPSAMPLE, "interpolate_mode": INTERPOLATE_MODE}
    if method.family == "neuron":
        shared["neuron"] = NEURON
    if method.baselines != "none":
        shared["baselines"] = _baselines(description)
    if method.takes_segments:
        shared |= {"segmentation": _segmentation(method, description), "n_segments": N_SEGMENTS}
    if method.complete:
        shared["tolerance"] = TOLERANCE
    return {**method.parameters, **shared}


SEED = Parameter(
    {
        "type": "integer",
        "minimum": 0,
        "maximum": LARGEST_SEED,
        "default": 0,
        "description": "seed of everything random; each instance has draws of its own",
    }
)
TARGET = Parameter(
    {
        "anyOf": [
            {"type": "integer", "minimum": 0},
            {"type": "string"},
            {
                "type": "array",
                "minItems": 1,
                "items": {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string"}, {"type": "null"}]},
            },
            {"type": "null"},
        ],
        "default": None,
        "description": "the output to explain: an index, a label, or a list with one an instance; "
        "null: each instance's predicted class",
    }
)
TOP_K = Parameter(
    {
        "type": ["integer", "null"],
        "minimum": 1,
        "default": None,
        "description": "explain the k most likely outputs of each instance instead of one target",
    }
)
UPSAMPLE = flag(False, "bring the layer's attributions to the input's height and width")
INTERPOLATE_MODE = choice("nearest", ("nearest", "bilinear", "bicubic", "area"), "how `upsample` interpolates")
NEURON = Parameter(
    {
        "anyOf": [
            {"type": "integer", "minimum": 0},
            {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 0}},
        ],
        "description": "the neuron's index in the layer's output: one number a dimension",
    }
)
N_SEGMENTS = integer(30, "superpixels or patches of an image, about", minimum=2, limit="max_perturbations")
TOLERANCE = number(0.05, "share of the scores' difference by which a convergence delta may be off")


def _output(description: Description) -> Parameter:
    if description.access == Access.SCORES:
        return choice("probability", ("probability",), "what is explained: the predictor gives nothing else")
    return choice("logit", ("logit", "probability"), "what is explained")


def _layer(description: Description) -> Parameter:
    names = [stage.name for stage in description.stages]
    return Parameter({"enum": names, "description": "the stage whose output is meant"})


def _baselines(description: Description) -> Parameter:
    kinds = [{"type": "number"}, {"enum": list(NAMED_BASELINES)}, {"type": "array", "minItems": 1}]
    text = (
        "where the explanation starts from: a number, a name, or an array of one instance's shape, one an instance, "
        "or for the SHAP family several; `mean` and `blur` are of the instance itself"
    )
    return Parameter({"anyOf": kinds, "default": description.baseline, "description": text})


def _segmentation(method: Method, description: Description) -> Parameter:
    shape = description.input_shape
    single = not method.random and (shape is None or math.prod(shape) <= MOST_SINGLE_VALUES)
    default = "pixels" if single else default_algorithm(shape)
    text = "how values are grouped: superpixels, a grid of patches, or single values, the default of what is no picture"
    return choice(default, ALGORITHMS, text)
