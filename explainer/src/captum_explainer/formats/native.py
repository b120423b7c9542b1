"""Our own format: `{"instances", "parameters", "render"}`, or a picture's bytes."""

from dataclasses import replace
from typing import Any

import orjson
from captum_serving.errors import BadInput

from captum_explainer.attribution.explanations import Explanations
from captum_explainer.formats.request import Incoming, ReadRequest, check_keys
from captum_explainer.inputs.arrays import add_own_targets, read_instances, stack_instances
from captum_explainer.inputs.pictures import decode
from captum_explainer.inputs.texts import are_texts, read_texts
from captum_explainer.kinds.tensor.kind import TensorRequest
from captum_explainer.kinds.text.kind import TextRequest
from captum_explainer.predictor_client.description import Description
from captum_explainer.rendering.response import find_picture_writer, find_text_writer
from captum_explainer.rendering.written_answer import WrittenAnswer
from captum_explainer.settings import Settings


def read_picture(incoming: Incoming, description: Description) -> ReadRequest:
    """Read a body that is a picture's bytes, which are one instance.

    Raises:
        BadInput: It is broken, or does not fit the model.
    """
    instances = stack_instances([decode(incoming.body, description)], description)
    return ReadRequest(TensorRequest(instances, {}), find_picture_writer(None, incoming.accept, instances) or write)


def read_document(
    document: dict[str, Any], incoming: Incoming, description: Description, settings: Settings
) -> ReadRequest:
    """Read a JSON object. Its `render`, or without one the Accept header, says whether the answer is drawn.

    Raises:
        BadInput: A key is not known, or the instances do not fit the model.
        TooLarge: More instances than the server takes.
    """
    check_keys(document, "instances", "parameters", "render")
    parameters: Any = document.get("parameters", {})
    if not isinstance(parameters, dict):
        raise BadInput('parameters is not an object; expected {"method": ..., ...}')
    given = document.get("instances")
    request: TensorRequest | TextRequest
    if are_texts(given, description):
        request = TextRequest(read_texts(given, description, settings.limits), parameters)
        writer = find_text_writer(document.get("render"), incoming.accept)
    else:
        request = TensorRequest(read_instances(given, description, settings.limits), parameters)
        writer = find_picture_writer(document.get("render"), incoming.accept, request.instances)
    own = replace(request, parameters=add_own_targets(parameters, document["instances"]))
    return ReadRequest(own, writer or write)


def write(explanations: Explanations, description: Description) -> WrittenAnswer:
    """Write `{"explanations", "details", "parameters", "model"}`; reading a number back gives the same float32."""
    document = {
        "explanations": explanations.values,
        "details": explanations.details,
        "parameters": explanations.parameters,
        "model": {"name": description.name, "digest": description.digest},
    }
    return WrittenAnswer(orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY))
