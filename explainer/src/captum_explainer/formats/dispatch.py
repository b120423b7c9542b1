"""Chooses the format of a body posted to `:explain`, the path that several formats share."""

from collections.abc import Callable
from typing import Any

from captum_serving.errors import BadInput
from captum_serving.protocol.json_body import parse_json
from captum_serving.sentences import name_nearest

from captum_explainer.formats import alibi, native
from captum_explainer.formats.aix import pictures
from captum_explainer.formats.request import Incoming, ReadRequest
from captum_explainer.inputs.arrays import SIGNATURES
from captum_explainer.predictor_client.description import Description
from captum_explainer.settings import LIME_IMAGES, Settings

# Reads a parsed body, with the rest of the request.
ReadDocument = Callable[[dict[str, Any], Incoming, Description, Settings], ReadRequest]
FORMATS: dict[str, ReadDocument] = {
    "captum": native.read_document,
    "aix": pictures.read_document,
    "alibi": alibi.read_document,
}


def read(incoming: Incoming, description: Description, settings: Settings) -> ReadRequest:
    """Read a body: JSON, whatever its Content-Type says, or a picture's bytes, which are one instance.

    Raises:
        BadInput: It is neither of them, or the instances do not fit the model.
        TooLarge: More instances than the server takes.
    """
    if incoming.body.startswith(SIGNATURES):
        if settings.aix.explainer_type == LIME_IMAGES:
            return pictures.read_picture(incoming, description, settings)
        return native.read_picture(incoming, description, settings)
    document = parse_json(incoming.body, settings.client)
    if not isinstance(document, dict):
        raise BadInput('the body is not a JSON object; expected {"instances": [...], "parameters": {...}}')
    name = document.pop("format", "aix" if pictures.is_aix(document, settings.aix) else "captum")
    if not isinstance(name, str) or name not in FORMATS:
        raise BadInput(f"format: {name_nearest(name, list(FORMATS))}")
    return FORMATS[name](document, incoming, description, settings)
