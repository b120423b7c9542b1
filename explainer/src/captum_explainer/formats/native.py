"""Our own format: `{"instances", "parameters", "render"}`, or a picture's bytes."""

from typing import Any

import orjson
from captum_serving.errors import BadInput

from captum_explainer.attribution.explanations import Explanations
from captum_explainer.formats.request import Incoming, ReadRequest, check_keys
from captum_explainer.inputs.arrays import add_own_targets, list_instances, read_instances, stack_instances
from captum_explainer.inputs.pictures import PictureDecoder
from captum_explainer.inputs.texts import are_texts, read_texts
from captum_explainer.kinds.tensor.kind import TensorRequest, check_parameters, count_targets
from captum_explainer.kinds.text.kind import TextRequest
from captum_explainer.predictor_client.description import Description
from captum_explainer.rendering.response import find_picture_writer, find_text_writer
from captum_explainer.rendering.written_answer import WrittenAnswer
from captum_explainer.settings import Settings


def read_picture(incoming: Incoming, description: Description, settings: Settings) -> ReadRequest:
    """Read a body that is a picture's bytes, which are one instance.

    Raises:
        BadInput: It is broken, or does not fit the model.
        TooLarge: It has more pixels than the server takes.
    """
    decoder = PictureDecoder(description, settings.limits)
    instances = stack_instances([decoder.decode(incoming.body)], description)
    return ReadRequest(TensorRequest(instances, {}), find_picture_writer(None, incoming.accept, instances) or write)


def read_document(
    document: dict[str, Any], incoming: Incoming, description: Description, settings: Settings
) -> ReadRequest:
    """Read a JSON object. Its `render`, or without one the Accept header, says whether the answer is drawn.

    Raises:
        BadInput: A key is not known, or the instances do not fit the model.
        TooLarge: More instances than the server takes, or a larger answer than it gives.
    """
    check_keys(document, "instances", "parameters", "render")
    parameters: Any = document.get("parameters", {})
    if not isinstance(parameters, dict):
        raise BadInput('parameters is not an object; expected {"method": ..., ...}')
    given, limits = document.get("instances"), settings.limits
    if are_texts(given, description):
        texts = read_texts(given, description, limits)
        writer = find_text_writer(document.get("render"), incoming.accept)
        return ReadRequest(TextRequest(texts, add_own_targets(parameters, document["instances"])), writer or write)
    listed = list_instances(given, "instances", limits)
    parameters = add_own_targets(parameters, listed)
    resolved = check_parameters(parameters, len(listed), description, limits, settings.defaults)
    instances = read_instances(listed, description, limits)
    targets = count_targets(resolved, description)
    writer = find_picture_writer(document.get("render"), incoming.accept, instances, targets)
    return ReadRequest(TensorRequest(instances, parameters), writer or write)


def write(explanations: Explanations, description: Description) -> WrittenAnswer:
    """Write `{"explanations", "details", "parameters", "model"}`; reading a number back gives the same float32."""
    document = {
        "explanations": explanations.values,
        "details": explanations.details,
        "parameters": explanations.parameters,
        "model": {"name": description.name, "digest": description.digest},
    }
    return WrittenAnswer(orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY))
