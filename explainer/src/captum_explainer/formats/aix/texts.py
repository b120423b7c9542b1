"""AIX's format for texts: LIME's words for the likeliest labels, as the lime package's LimeTextExplainer finds them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from captum_serving.errors import BadInput
from captum_serving.sentences import name_nearest

from captum_explainer.attribution.explanations import Explanations
from captum_explainer.formats.aix.numbers import read_number
from captum_explainer.formats.request import ReadRequest
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
    known = ["instances", *KEYS, "parameters"]
    for key in document:
        if key not in known:
            raise BadInput(f"the request's key {name_nearest(key, known)}")
    own = document.get("parameters", {})
    if not isinstance(own, dict) or own.get("method", "lime") != "lime" or "target" in own or "top_k" in own:
        raise BadInput(
            "AIX's format is answered by LIME, for its top_labels; expected parameters to be an object without "
            'method, target and top_k, or "format": "captum"'
        )
    parameters = {
        "method": "lime",
        "surrogate": "ridge",
        "bag_of_words": True,
        "output": "probability",
        "top_k": read_number(document, "top_labels", int, settings.aix.top_labels),
        "n_samples": read_number(document, "num_samples", int, settings.aix.num_samples),
        "num_features": read_number(document, "num_features", int, NUM_FEATURES),
        **({"seed": read_number(document, "seed", int, 0)} if "seed" in document else {}),
        **own,
    }
    texts = read_texts(document.get("instances"), description, settings.limits)
    return ReadRequest(TextRequest(texts, parameters, at_most_top_k=True), _make_writer(parameters["num_features"]))


def _make_writer(most: int) -> Callable[[Explanations, Description], WrittenAnswer]:
    def write(explanations: Explanations, _description: Description) -> WrittenAnswer:
        """Write `{"explanations": {label's index: [[word, weight], ...]}}`, for several instances a list of such."""
        answers = [
            {
                str(details["target"]): _choose_strongest(found, most)
                for found, details in zip(values, rows, strict=True)
            }
            for values, rows in zip(explanations.values, explanations.details, strict=True)
        ]
        document = {"explanations": answers[0] if len(answers) == 1 else answers}
        return WrittenAnswer(orjson.dumps(document))

    return write


def _choose_strongest(found: dict[str, Any], most: int) -> list[tuple[str, float]]:
    # A word that occurs several times has one weight.
    weights = dict(zip(found["words"], found["importances"].tolist(), strict=True))
    return sorted(weights.items(), key=lambda pair: abs(pair[1]), reverse=True)[:most]
