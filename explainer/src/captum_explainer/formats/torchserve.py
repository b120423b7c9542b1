"""TorchServe's format, `/explanations/{model}`: a picture's bytes, a form, or the JSON that its envelopes take.

The answer is the attributions alone, in the envelope that `--service_envelope` names.
"""

import re
from dataclasses import replace
from functools import partial
from typing import Any

import orjson
from captum_serving.errors import BadInput
from captum_serving.protocol.json_body import parse_json
from captum_serving.sentences import shorten

from captum_explainer.attribution.explanations import Explanations
from captum_explainer.formats import native
from captum_explainer.formats.multipart import is_form, read_form
from captum_explainer.formats.request import Incoming, ReadRequest
from captum_explainer.inputs.arrays import SIGNATURES
from captum_explainer.predictor_client.description import Description
from captum_explainer.rendering.written_answer import WrittenAnswer
from captum_explainer.settings import Settings

# The names under which TorchServe's handlers look for a picture.
DATA = ("data", "body")
JSON = re.compile(rb"\s*[\[{]")
MOST_DIGITS = 9


def read(incoming: Incoming, description: Description, settings: Settings) -> ReadRequest:
    """Read a body by its content; its Content-Type counts only if it is neither a picture nor JSON.

    Raises:
        BadInput: It is no picture, form or JSON, or does not fit the model.
        TooLarge: More instances than the server takes.
    """
    known = incoming.body.startswith(SIGNATURES) or JSON.match(incoming.body)
    if not known and is_form(incoming.content_type):
        return _read_form(incoming, description, settings)
    return _read_bytes(incoming, description, settings)


def _read_form(incoming: Incoming, description: Description, settings: Settings) -> ReadRequest:
    parts = read_form(incoming.body, incoming.content_type)
    target = parts.pop("target", None)
    if len(parts) != 1 or not set(parts) <= set(DATA):
        got = ", ".join(shorten(name) for name in parts) or "none"
        raise BadInput(f"the form's parts are {got}; expected one named 'data', and optionally a 'target'")
    (data,) = parts.values()
    request, write = _read_bytes(replace(incoming, body=data), description, settings)
    if target is None:
        return ReadRequest(request, write)
    if "target" in request.parameters:
        raise BadInput("the form and its data both have a target; expected only one of them")
    text = target.decode(errors="replace").strip()
    index = text.isdecimal() and len(text) <= MOST_DIGITS
    parameters = {**request.parameters, "target": int(text) if index else text}
    return ReadRequest(replace(request, parameters=parameters), write)


def _read_bytes(incoming: Incoming, description: Description, settings: Settings) -> ReadRequest:
    one_text = False
    if description.text is None and not JSON.match(incoming.body):
        request, _ = native.read_picture(incoming, description, settings)
    else:
        document: Any = (
            parse_json(incoming.body, settings.client) if JSON.match(incoming.body) else _read_text(incoming.body)
        )
        if not isinstance(document, dict) or "instances" not in document:
            # One instance: an object that holds a picture or a text, or the bare numbers or characters.
            document, one_text = {"instances": [document]}, description.text is not None
        request, _ = native.read_document(document, incoming, description, settings)
    return ReadRequest(request, partial(_write, settings.service_envelope, one_text))


def _read_text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise BadInput("the body is neither JSON nor a text in UTF-8; expected one of them") from None


def _write(envelope: str, one_text: bool, explanations: Explanations, description: Description) -> WrittenAnswer:
    """Write the attributions, in an object or bare.

    In TorchServe's documentation a bare answer for one picture is a list with its array, and for one text its object.
    """
    values = explanations.values
    document: Any = {"explanations": values}
    if envelope == "none":
        document = values[0] if one_text else values
    return WrittenAnswer(orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY))
