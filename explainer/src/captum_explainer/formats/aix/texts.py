"""AIX's format for texts: LIME's words for the likeliest labels, as the lime package's LimeTextExplainer finds them."""

from functools import partial
from typing import Any

import orjson

from captum_explainer.attribution.explanations import Explanations
from captum_explainer.formats.aix.parameters import read_number, read_parameters
from captum_explainer.formats.request import ReadRequest, check_keys
from captum_explainer.inputs.texts import read_texts
from captum_explainer.kinds.text.kind import TextRequest
from captum_explainer.predictor_client.description import Description
from captum_explainer.rendering.written_answer import WrittenAnswer
from captum_explainer.settings import Settings

KEYS = ("top_labels", "num_features", "num_samples", "seed")
# The lime package's default.
NUM_FEATURES = 10


def read_document(document: dict[str, Any], description: Description, settings: Settings) -> ReadRequest:
    """Read a JSON object. Numbers may be strings; `parameters` may hold LIME's parameters.

    Raises:
        BadInput: A key is not known, a value is not of its kind, or the instances are no texts.
        TooLarge: More instances than the server takes.
    """
    check_keys(document, "instances", *KEYS, "parameters")
    most = read_number(document, "num_features", int, NUM_FEATURES)
    parameters = read_parameters(document, settings.aix, settings.aix.top_labels, bag_of_words=True, num_features=most)
    texts = read_texts(document.get("instances"), description, settings.limits)
    return ReadRequest(TextRequest(texts, parameters, at_most_top_k=True), partial(_write, parameters["num_features"]))


def _write(most: int, explanations: Explanations, description: Description) -> WrittenAnswer:
    """Write `{"explanations": {label's index: [[word, weight], ...]}}`, for several instances a list of such."""
    answers = [
        {str(details["target"]): _choose_strongest(found, most) for found, details in zip(values, rows, strict=True)}
        for values, rows in zip(explanations.values, explanations.details, strict=True)
    ]
    return WrittenAnswer(orjson.dumps({"explanations": answers[0] if len(answers) == 1 else answers}))


def _choose_strongest(found: dict[str, Any], most: int) -> list[tuple[str, float]]:
    # A word that occurs several times has one weight.
    weights = dict(zip(found["words"], found["importances"].tolist(), strict=True))
    return sorted(weights.items(), key=lambda pair: abs(pair[1]), reverse=True)[:most]
