"""The methods that explain texts, and the parameters of each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from captum_serving.errors import BadInput
from captum_serving.protocol.extension_names import EMBEDDINGS
from captum_serving.sentences import name_nearest

from captum_explainer.catalogue.catalogue import NEEDS, entries_as_json
from captum_explainer.catalogue.method import Method
from captum_explainer.catalogue.methods.primary import (
    feature_ablation,
    gradient_shap,
    input_x_gradient,
    integrated_gradients,
    saliency,
)
from captum_explainer.catalogue.methods.primary import lime as lime_of_segments
from captum_explainer.catalogue.methods.primary import occlusion as occlusion_of_windows
from captum_explainer.catalogue.shared_parameters import SEED, TOLERANCE, TOP_K
from captum_explainer.kinds.text import lime
from captum_explainer.kinds.text.words import L2
from captum_explainer.parameters.parameter import Parameter, choice, flag, integer
from captum_explainer.parameters.path import PATH_PARAMETERS
from captum_explainer.parameters.perturbations import PERTURBATIONS_PER_EVAL
from captum_explainer.predictor_client.description import Access, Description, TextTask
from captum_explainer.settings import Settings

DEFAULT_METHOD = {
    Access.SCORES: "lime",
    Access.GRADIENTS: "layer_integrated_gradients",
    Access.STRUCTURE: "layer_integrated_gradients",
}

# Captum's method of the embeddings' own network is its method of that layer in the whole, to the bit.
METHODS: dict[str, Method] = {
    "gradient_shap": replace(
        gradient_shap.METHOD,
        parameters={name: gradient_shap.METHOD.parameters[name] for name in ("n_samples", "stdevs")},
        cost="instances * (3 + passes)",
    ),
    "input_x_gradient": replace(input_x_gradient.METHOD, parameters={}, cost="3 * instances"),
    "layer_integrated_gradients": replace(
        integrated_gradients.METHOD,
        family="layer",
        summary="The gradient's integral along the straight path from the embeddings of padding to those of the text.",
        when="The default: contributions of the tokens that add up; the convergence delta tells the error.",
        parameters=PATH_PARAMETERS,
        cost="instances * (2 + passes)",
    ),
    "lime": replace(
        lime_of_segments.METHOD,
        attribute=lime.attribute,
        summary="A linear model of the score, fitted to the text with random subsets of its words left out.",
        when="A few words that speak for or against a class, of any model of texts. Look at the fit (r2).",
        parameters={
            **lime_of_segments.METHOD.parameters,
            "num_features": integer(None, "how many of the strongest words the ridge keeps; null: all"),
        },
    ),
    "occlusion": replace(
        occlusion_of_windows.METHOD,
        attribute=feature_ablation.attribute,
        summary="How much the score falls where one word of the text after the other is left out.",
        when="What the score needs, word by word: measured, of any model of texts.",
        cost="instances * (1 + ceil(words / perturbations_per_eval))",
        parameters=PERTURBATIONS_PER_EVAL,
    ),
    "saliency": replace(saliency.METHOD, parameters={"abs": saliency.METHOD.parameters["abs"]}, cost="3 * instances"),
}

MERGE = flag(False, "merge a word's tokens into the word, as the text has it")
SKIP_SPECIAL = flag(False, "leave out the tokens that the tokenizer adds")
BAG_OF_WORDS = flag(False, "leave out all words that are written alike together, as the lime package does")
REPLACEMENT = Parameter(
    {
        "type": "string",
        "maxLength": 100,
        "default": "",
        "description": "what stands in the place of a word that is left out, as '[MASK]'; empty: nothing",
    }
)


def by_words(method: Method) -> bool:
    """Whether a method leaves words out; others go by the embeddings."""
    return method.access is Access.SCORES


def possible(description: Description) -> dict[str, Method]:
    """The methods that this model's predictor makes possible."""
    # The tokens of a text without a word are others, and with them what a target's index means.
    words = description.text is None or description.text.task is TextTask.SEQUENCE
    return {
        name: method
        for name, method in METHODS.items()
        if method.access <= description.access and (words or not by_words(method))
    }


def find(name: object, description: Description) -> Method:
    """The method of that name.

    Raises:
        BadInput: There is none, or the model's texts cannot be explained by it.
    """
    known = possible(description)
    if isinstance(name, str) and name in known:
        return known[name]
    if not isinstance(name, str) or name not in METHODS:
        raise BadInput(f"method: {name_nearest(name, list(known))} (of texts)")
    if METHODS[name].access > description.access:
        needed, given = NEEDS[METHODS[name].access], NEEDS[description.access]
        raise BadInput(f"{name} needs {needed}, and the predictor gives {given}; possible: {', '.join(known)}")
    task = "" if description.text is None else description.text.task
    raise BadInput(f"{name} leaves words out, and is of no use for {task}; possible: {', '.join(known)}")


def parameters_of(method: Method, description: Description) -> dict[str, Parameter]:
    """Every parameter that the method takes for this model's texts, but for `method` itself."""
    words = by_words(method)
    shared = {
        "seed": SEED,
        "output": _output(description),
        "target": _target(description),
        "top_k": TOP_K,
        "normalization": choice(
            "none" if words else L2, (L2, "none"), "importances as they are, or divided by their L2 norm"
        ),
    }
    if words:
        shared |= {"bag_of_words": BAG_OF_WORDS, "replacement": REPLACEMENT}
    else:
        shared |= {"layer": _layer(description), "merge_subwords": MERGE, "skip_special_tokens": SKIP_SPECIAL}
    if method.complete:
        shared["tolerance"] = TOLERANCE
    return {**method.parameters, **shared}


def as_json(description: Description, settings: Settings) -> dict[str, Any]:
    """The catalogue of a model of texts."""
    known = possible(description)
    parameters = {name: parameters_of(method, description) for name, method in known.items()}
    return entries_as_json(known, parameters, description, settings)


def _output(description: Description) -> Parameter:
    if description.access == Access.SCORES:
        return choice("probability", ("probability",), "what is explained: the predictor gives nothing else")
    return choice("logit", ("logit", "probability"), "what is explained")


def _layer(description: Description) -> Parameter:
    names = [stage.name for stage in description.stages if stage.name != description.output_name]
    text = "the stage whose outputs are explained; `embeddings` are the words' alone"
    return Parameter({"enum": names, "default": EMBEDDINGS, "description": text})


@dataclass(frozen=True)
class _Targets:
    one: list[dict[str, Any]]
    description: str


INDEX, STRING = {"type": "integer", "minimum": 0}, {"type": "string"}
PAIR = {"type": "array", "minItems": 2, "maxItems": 2, "items": {"anyOf": [INDEX, STRING]}}
TARGETS = {
    TextTask.SEQUENCE: _Targets([INDEX, STRING], "the label to explain, or its index; null: the predicted class"),
    TextTask.TOKENS: _Targets(
        [INDEX, STRING, PAIR],
        "a token's index, whose predicted entity is explained, a label, whose most certain token is meant, or in a "
        "list one an instance, which may be [token, label]; null: the most certain entity",
    ),
    TextTask.ANSWER: _Targets(
        [INDEX, PAIR],
        "a token's index, of the answer's start and end alike, or in a list one an instance, which may be "
        "[start, end]; null: the predicted answer",
    ),
}


def _target(description: Description) -> Parameter:
    task = TextTask.SEQUENCE if description.text is None else description.text.task
    one = TARGETS[task].one
    several = {"type": "array", "minItems": 1, "items": {"anyOf": [*one, {"type": "null"}]}}
    alone = [kind for kind in one if kind is not PAIR]
    kinds = [*alone, several, {"type": "null"}]
    return Parameter({"anyOf": kinds, "default": None, "description": TARGETS[task].description})
