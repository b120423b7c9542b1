"""The methods that explain texts, and the parameters of each."""

from dataclasses import replace
from typing import Any

from captum_serving.protocol.extension_names import EMBEDDINGS

from captum_explainer.catalogue.method import Method
from captum_explainer.catalogue.methods.primary import (
    feature_ablation,
    gradient_shap,
    input_x_gradient,
    integrated_gradients,
    saliency,
)
from captum_explainer.catalogue.methods.primary import lime as segment_lime
from captum_explainer.catalogue.methods.primary import occlusion as window_occlusion
from captum_explainer.catalogue.shared_parameters import SEED, TOLERANCE, TOP_K, describe_output
from captum_explainer.kinds.text import lime
from captum_explainer.kinds.text.words import L2
from captum_explainer.parameters.parameter import Parameter, choice, flag, integer
from captum_explainer.parameters.perturbations import PERTURBATIONS_PER_EVAL
from captum_explainer.predictor_client.description import Access, Description, TextTask

DEFAULT_METHOD = {
    Access.SCORES: "lime",
    Access.GRADIENTS: "layer_integrated_gradients",
    Access.STRUCTURE: "layer_integrated_gradients",
}


def _adapt(method: Method, own: dict[str, Parameter], **about: str) -> Method:
    """The method for texts: other parameters of its own, and what the catalogue says differently."""
    return replace(method, takes=replace(method.takes, own=own, smooth=False), about=replace(method.about, **about))


# Captum's method on the network behind the embeddings gives the bits of its layer method on the whole network.
METHODS: dict[str, Method] = {
    "gradient_shap": _adapt(
        gradient_shap.METHOD,
        gradient_shap.METHOD.takes.own,
        cost="instances * (3 + passes)",
    ),
    "input_x_gradient": _adapt(input_x_gradient.METHOD, {}, cost="3 * instances"),
    "layer_integrated_gradients": replace(
        _adapt(
            integrated_gradients.METHOD,
            {},
            summary="The gradient's integral along the straight path from the embeddings of padding to "
            "those of the text.",
            when="The default: contributions of the tokens that add up; the convergence delta tells the error.",
            cost="instances * (2 + passes)",
        ),
        family="layer",
    ),
    "lime": replace(
        _adapt(
            segment_lime.METHOD,
            {
                **segment_lime.METHOD.takes.own,
                "num_features": integer(None, "how many of the strongest words the ridge keeps; null: all"),
            },
            summary="A linear model of the score, fitted to the text with random subsets of its words left out.",
            when="A few words that speak for or against a class, of any model of texts. Look at the fit (r2).",
        ),
        attribute_by=lime.attribute,
    ),
    "occlusion": _adapt(
        feature_ablation.METHOD,
        PERTURBATIONS_PER_EVAL,
        summary="How much the score falls where one word of the text after the other is left out.",
        when="What the score needs, word by word: measured, of any model of texts.",
        cost="instances * (1 + ceil(words / perturbations_per_eval))",
        paper=window_occlusion.METHOD.about.paper,
    ),
    "saliency": _adapt(saliency.METHOD, saliency.METHOD.takes.own, cost="3 * instances"),
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


def leaves_words_out(method: Method) -> bool:
    """True if a method leaves words out; others use the embeddings."""
    return method.access is Access.SCORES


def list_text_parameters(method: Method, description: Description) -> dict[str, Parameter]:
    """Every parameter that the method takes for this model's texts, but for `method` itself."""
    words = leaves_words_out(method)
    shared = {
        "seed": SEED,
        "output": describe_output(method, description),
        "target": TARGETS[description.task],
        "top_k": TOP_K,
        "normalization": choice(
            "none" if words else L2, (L2, "none"), "importances as they are, or divided by their L2 norm"
        ),
    }
    if words:
        shared |= {"bag_of_words": BAG_OF_WORDS, "replacement": REPLACEMENT}
    else:
        shared |= {"layer": _describe_layer(description), "merge_subwords": MERGE, "skip_special_tokens": SKIP_SPECIAL}
    if method.complete:
        shared["tolerance"] = TOLERANCE
    return {**method.takes.parameters, **shared}


def _describe_layer(description: Description) -> Parameter:
    names = [stage.name for stage in description.stages if stage.name != description.output_name]
    if description.offered < Access.STRUCTURE:
        names = [EMBEDDINGS]
    text = "the stage whose outputs are explained; `embeddings` are the words' alone"
    return Parameter({"enum": names, "default": EMBEDDINGS, "description": text})


def _describe_target(description: str, *one: dict[str, Any]) -> Parameter:
    several = {"type": "array", "minItems": 1, "items": {"anyOf": [*one, {"type": "null"}]}}
    # A pair for all texts could not be told from a list with one target for each.
    alone = [kind for kind in one if kind is not PAIR]
    schema = {"anyOf": [*alone, several, {"type": "null"}], "default": None, "description": description}
    return Parameter(schema, items_limit="max_instances")


INDEX, STRING = {"type": "integer", "minimum": 0}, {"type": "string"}
PAIR = {"type": "array", "minItems": 2, "maxItems": 2, "items": {"anyOf": [INDEX, STRING]}}
TARGETS = {
    TextTask.SEQUENCE: _describe_target("the label to explain, or its index; null: the predicted class", INDEX, STRING),
    TextTask.TOKENS: _describe_target(
        "a token's index, whose predicted entity is explained, a label, whose most certain token is meant, or in a "
        "list one an instance, which may be [token, label]; null: the most certain entity",
        INDEX,
        STRING,
        PAIR,
    ),
    TextTask.ANSWER: _describe_target(
        "a token's index, of the answer's start and end alike, or in a list one an instance, which may be "
        "[start, end]; null: the predicted answer",
        INDEX,
        PAIR,
    ),
}
