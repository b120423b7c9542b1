"""An explanation's response in JSON."""

from __future__ import annotations

import orjson

from captum_explainer.explain import Explanations
from captum_explainer.predictor.description import Description


def render(explanations: Explanations, description: Description) -> bytes:
    """`{"explanations", "details", "parameters", "model"}`; numbers have the digits that give their float32 back."""
    document = {
        "explanations": explanations.values,
        "details": explanations.details,
        "parameters": explanations.parameters,
        "model": {"name": description.name, "digest": description.digest},
    }
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
