"""TorchServe's way in, `/explanations/{model}`: a picture's bytes, a form, or the JSON that its envelopes take.

The answer has nothing but the attributions, in the envelope that `--service_envelope` names.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
from captum_serving.errors import BadInput
from captum_serving.wire import parse_json

from captum_explainer.formats import native
from captum_explainer.instances import SIGNATURES
from captum_explainer.multipart import is_form, read_form
from captum_explainer.parameters.kinds import shown
from captum_explainer.predictor.description import Description
from captum_explainer.request import Answer, Explanations, Incoming, Request
from captum_explainer.settings import Settings

# The names under which its handlers look for a picture.
DATA = ("data", "body")
JSON = re.compile(rb"\s*[\[{]")
MOST_DIGITS = 9


def read(incoming: Incoming, description: Description, settings: Settings) -> Request:
    """Read a body by what it is; what it is called counts only where it is neither a picture nor JSON.

    Raises:
        BadInput: It is none of a picture, a form and JSON, or does not fit the model.
        TooLarge: More instances than the server takes.
    """
    known = incoming.body.startswith(SIGNATURES) or JSON.match(incoming.body)
    if not known and is_form(incoming.content_type):
        return _read_form(incoming, description, settings)
    return _read_bytes(incoming, description, settings)


def _read_form(incoming: Incoming, description: Description, settings: Settings) -> Request:
    parts = read_form(incoming.body, incoming.content_type)
    target = parts.pop("target", None)
    if len(parts) != 1 or not set(parts) <= set(DATA):
        got = ", ".join(shown(name) for name in parts) or "none"
        raise BadInput(f"the form's parts are {got}; expected one of the name 'data', and at most a 'target' beside it")
    (data,) = parts.values()
    request = _read_bytes(replace(incoming, body=data), description, settings)
    if target is None:
        return request
    if "target" in request.parameters:
        raise BadInput("the form has a target, and so has its data; expected one or the other")
    text = target.decode(errors="replace").strip()
    index = text.isdecimal() and len(text) <= MOST_DIGITS
    return replace(request, parameters={**request.parameters, "target": int(text) if index else text})


def _read_bytes(incoming: Incoming, description: Description, settings: Settings) -> Request:
    if not JSON.match(incoming.body):
        return replace(native.read_picture(incoming, description), write=_writer(settings))
    document: Any = parse_json(incoming.body)
    if not isinstance(document, dict) or "instances" not in document:
        # One picture: its object, or its numbers as they are.
        document = {"instances": [document]}
    return replace(native.read_document(document, incoming, description, settings), write=_writer(settings))


def _writer(settings: Settings) -> Callable[[Explanations, Description], Answer]:
    """Writes one array an instance, in an object or bare: as TorchServe's documents have it, a list of one too."""

    def write(explanations: Explanations, description: Description) -> Answer:
        bare = settings.service_envelope == "none"
        document: Any = explanations.values if bare else {"explanations": explanations.values}
        return Answer(orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY))

    return write
