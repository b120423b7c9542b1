"""The Open Inference Protocol (V2) as a format: tensors in, tensors out, and V2's parameters.

The path, the output `explain` and pictures as BYTES are those of TorchServe's kservev2 envelope. V2's parameters are
scalars and strings, so a list travels as JSON text.
"""

from functools import partial
from typing import Any

import numpy as np
import orjson
from captum_serving.errors import BadInput
from captum_serving.limits import ClientLimits
from captum_serving.protocol.json_body import parse_json
from captum_serving.protocol.requested import read_object, read_outputs
from captum_serving.protocol.wire import HEADER_LENGTH, Message, decode, encode

from captum_explainer.attribution.explanations import Explanations
from captum_explainer.formats.request import Incoming, ReadRequest
from captum_explainer.inputs.arrays import SIGNATURES, check_count, stack_instances
from captum_explainer.inputs.pictures import BYTES_PER_NUMBER, PictureDecoder, check_bytes
from captum_explainer.kinds.tensor.kind import TensorRequest, check_parameters
from captum_explainer.predictor_client.description import Description
from captum_explainer.rendering.written_answer import WrittenAnswer
from captum_explainer.settings import Limits, Settings

EXPLAIN = "explain"
# Further outputs, one value for each instance, if the method gives them; the names are those in `details`.
DETAILS = {
    "target": np.int64,
    "prediction": np.int64,
    "probability": np.float64,
    "score": np.float64,
    "baseline_score": np.float64,
    "convergence_delta": np.float64,
}
# How many of the inputs' names an error shows.
MOST_NAMES = 5
# V2's own parameter, not the method's.
RESERVED = "binary_data_output"


def read(incoming: Incoming, description: Description, settings: Settings) -> ReadRequest:
    """Read a request with one input: a tensor of one or more instances, or pictures as BYTES.

    Raises:
        BadInput: It does not follow the protocol, or does not fit the model.
        TooLarge: More instances than the server takes.
    """
    message = decode(incoming.body, incoming.header_length, "inputs", strings=bytes, limits=settings.client)
    requested = read_outputs(message, [EXPLAIN, *DETAILS])
    given = read_object(message.document, "parameters")
    parameters = {key: _parse_scalar(value, settings.client) for key, value in given.items() if key != RESERVED}
    name, tensor, alone = _find_instances(message, description)
    count = 1 if alone and tensor.dtype.kind != "O" else len(tensor)
    check_count(count, settings.limits)
    check_parameters(parameters, count, description, settings.limits, settings.defaults)
    arrays = _read_instances(tensor, name, alone, description, settings.limits)
    request = TensorRequest(stack_instances(arrays, description), parameters)
    return ReadRequest(request, partial(_write, message, requested, alone, settings.model_version))


def _find_instances(message: Message, description: Description) -> tuple[str, np.ndarray, bool]:
    """The instances' name and tensor, and whether the answer has no axis of instances."""
    if len(message.tensors) != 1:
        got = ", ".join(repr(name[:80]) for name in [*message.tensors][:MOST_NAMES])
        raise BadInput(f"inputs are {got}; expected one, the instances")
    ((name, tensor),) = message.tensors.items()
    if tensor.dtype.kind == "O":
        if tensor.ndim != 1 or tensor.size == 0:
            raise BadInput(f"{name}: shape is {list(tensor.shape)}; expected [n], one or more pictures")
        return name, tensor, len(tensor) == 1
    shape = description.input_shape
    if shape is not None and tensor.shape == shape:
        return name, tensor, True
    if tensor.ndim == 0 or len(tensor) == 0 or (shape is not None and tensor.shape[1:] != shape):
        wanted = "[n, ...]" if shape is None else f"[n, {', '.join(map(str, shape))}], or {list(shape)} for one"
        raise BadInput(f"{name}: shape is {list(tensor.shape)}; expected {wanted}")
    return name, tensor, False


def _read_instances(
    tensor: np.ndarray, name: str, alone: bool, description: Description, limits: Limits
) -> list[np.ndarray]:
    if tensor.dtype.kind == "O":
        decoder = PictureDecoder(description, limits)
        return [_read_picture(data, f"{name}[{i}]", decoder) for i, data in enumerate(tensor)]
    check_bytes(BYTES_PER_NUMBER * tensor.size, limits)
    with np.errstate(over="ignore"):
        tensor = tensor.astype(np.float32)
    return [tensor] if alone else list(tensor)


def _read_picture(data: bytes, name: str, decoder: PictureDecoder) -> np.ndarray:
    if data.startswith(SIGNATURES):
        return decoder.decode(data)
    return decoder.decode_base64(data.decode("ascii", errors="replace"), name)


def _parse_scalar(value: Any, limits: ClientLimits) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, str) and value.startswith("["):
        try:
            return parse_json(value.encode(), limits)
        except BadInput:
            return value
    return value


def _write_scalar(value: Any) -> Any:  # noqa: ANN401 - JSON
    return orjson.dumps(value).decode() if isinstance(value, list) else value


def _write(
    message: Message,
    requested: dict[str, bool],
    alone: bool,
    model_version: str,
    explanations: Explanations,
    description: Description,
) -> WrittenAnswer:
    found = _make_outputs(explanations, alone)
    if message.document.get("outputs"):
        for name in requested:
            if name not in found:
                raise BadInput(f"outputs: {explanations.parameters['method']} gives no {name}")
    parameters = {key: _write_scalar(value) for key, value in explanations.parameters.items() if value is not None}
    document: dict[str, Any] = {"model_name": description.name, "model_version": model_version}
    if message.document.get("id"):
        document["id"] = message.document["id"]
    if description.digest is not None:
        parameters["model_digest"] = description.digest
    document["parameters"] = parameters
    tensors = {name: found[name] for name in requested if name in found}
    binary = frozenset(name for name, as_bytes in requested.items() if as_bytes)
    body, header_length = encode(document, tensors, "outputs", binary)
    if header_length is None:
        return WrittenAnswer(body)
    return WrittenAnswer(body, "application/octet-stream", {HEADER_LENGTH: str(header_length)})


def _make_outputs(explanations: Explanations, alone: bool) -> dict[str, np.ndarray]:
    values = np.asarray(explanations.values, dtype=np.float32)
    found = {EXPLAIN: values[0] if alone else values}
    rows = [details if isinstance(details, list) else [details] for details in explanations.details]
    ranked = isinstance(explanations.details[0], list)
    for name, dtype in DETAILS.items():
        numbers = [[details.get(name) for details in row] for row in rows]
        if any(number is None for row in numbers for number in row):
            continue
        found[name] = np.array(numbers if ranked else [row[0] for row in numbers], dtype=dtype)
    return found
