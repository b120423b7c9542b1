"""The parameters that methods share: which method takes which, and their defaults."""

import math

from captum_explainer.catalogue.method import Method
from captum_explainer.inputs.superpixels import ALGORITHMS, ALIKE, is_picture
from captum_explainer.parameters.parameter import MOST_DIMENSIONS, Parameter, choice, flag, integer, number
from captum_explainer.parameters.quality_metrics import METRIC_PARAMETERS
from captum_explainer.predictor_client.description import Access, Description

NAMED_BASELINES = ("zeros", "ones", "mean", "blur", "random")
LARGEST_SEED = 2**32 - 1
# Ablating each single value of a larger instance would take too many calls.
MOST_SINGLE_VALUES = 1024


def list_parameters(method: Method, description: Description) -> dict[str, Parameter]:
    """Every parameter that the method takes for this model, except `method` itself."""
    shared = {"seed": SEED}
    if method.takes.target:
        shared |= {"output": describe_output(method, description), "target": TARGET, "top_k": TOP_K}
    if method.has_layer:
        shared["layer"] = _describe_layer(description)
    if method.family == "layer":
        shared |= {"upsample": UPSAMPLE, "interpolate_mode": INTERPOLATE_MODE}
    if method.family == "neuron":
        shared["neuron"] = NEURON
    if method.takes.baselines != "none":
        shared["baselines"] = _describe_baselines(method, description)
    if method.takes.segments:
        shared |= {"segmentation": _describe_segmentation(method, description), "n_segments": N_SEGMENTS}
    if method.takes_metrics:
        shared |= METRIC_PARAMETERS
    if method.complete:
        shared["tolerance"] = TOLERANCE
    return {**method.takes.parameters, **shared, **method.takes.parameters}


SEED = Parameter(
    {
        "type": "integer",
        "minimum": 0,
        "maximum": LARGEST_SEED,
        "default": 0,
        "description": "seed for everything random; each instance has its own draws",
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
        "description": "the output to explain: an index, a label, or a list with one target per instance; "
        "null: the predicted class",
    },
    items_limit="max_instances",
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
            {
                "type": "array",
                "minItems": 1,
                "maxItems": MOST_DIMENSIONS,
                "items": {"type": "integer", "minimum": 0},
            },
        ],
        "description": "the neuron's index in the layer's output: one number for each dimension",
    }
)
N_SEGMENTS = integer(30, "approximate number of superpixels or patches", minimum=2, limit="max_perturbations")
TOLERANCE = number(0.05, "the convergence delta that counts as converged, as a share of the scores' difference")


def describe_output(method: Method, description: Description) -> Parameter:
    """What is explained: logits or probabilities, if the predictor and the method allow both."""
    if description.access == Access.SCORES:
        return choice("probability", ("probability",), "what is explained: the predictor gives nothing else")
    # Captum has no relevance rule for a softmax.
    outputs = ("logit",) if method.cuts.relevance else ("logit", "probability")
    return choice("logit", outputs, "what is explained")


def _describe_layer(description: Description) -> Parameter:
    names = [stage.name for stage in description.stages]
    return Parameter({"enum": names, "description": "the layer: the stage whose output is used"})


def _describe_baselines(method: Method, description: Description) -> Parameter:
    kinds = [{"type": "number"}, {"enum": list(NAMED_BASELINES)}, {"type": "array", "minItems": 1}]
    text = (
        "what the explanation compares with: a number, a name, or an array with the shape of one instance or of all "
        "instances; the SHAP family also takes several baselines; `mean` and `blur` are computed from each instance"
    )
    default = "random" if method.takes.baselines == "distribution" else description.baseline
    return Parameter({"anyOf": kinds, "default": default, "description": text})


def _describe_segmentation(method: Method, description: Description) -> Parameter:
    shape = description.input_shape
    few = method.passes.random or method.takes.evaluations is not None
    single = not few and (shape is None or math.prod(shape) <= MOST_SINGLE_VALUES)
    default = "pixels" if single or not is_picture(shape) else method.takes.segmentation
    # Superpixels differ from picture to picture, and instances that are compared need the same segments.
    algorithms = ALIKE if method.passes.across else ALGORITHMS
    text = (
        "how values are grouped: superpixels, a grid of patches, or single values (the default unless instances are "
        "pictures)"
    )
    return choice(default, algorithms, text)
