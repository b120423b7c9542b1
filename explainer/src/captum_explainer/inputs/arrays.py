"""A request's instances as one tensor, checked against what the model declares."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from captum_serving.errors import BadInput, TooLarge
from captum_serving.protocol.json_numbers import read_numbers
from captum_serving.sentences import shorten
from torch import Tensor

from captum_explainer.inputs.pictures import BYTES_PER_NUMBER, PictureDecoder, check_bytes
from captum_explainer.predictor_client.description import Description
from captum_explainer.settings import Limits

# The first bytes of picture files; JSON starts with none of them.
SIGNATURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"RIFF")
# The keys under which an object holds its picture or its numbers; the last two are TorchServe's.
HOLDERS = ("b64", "data", "body")
# How far rounding (float32, decimal text) may exceed the declared range, as a share of its width.
ROUNDING = 1e-3


def fit_shape(array: np.ndarray, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Bring an instance to the model's shape; a single channel may be left out.

    Raises:
        BadInput: It has another shape. `name` is its name in the error.
    """
    if array.shape == shape:
        return array
    if (1, *array.shape) == shape:
        return array[None]
    raise BadInput(f"{name} has the shape {list(array.shape)}; expected {list(shape)}, the model's input")


def read_instances(
    instances: object,
    description: Description,
    limits: Limits,
    fit: Callable[[np.ndarray, str, tuple[int, ...]], np.ndarray] = fit_shape,
) -> Tensor:
    """Read instances in JSON as float32 [instances, *input shape].

    Each is nested numbers, `{"b64": picture}` or `{"data": picture or nested numbers}`; an object may hold a `target`.

    `fit` brings an array to the model's shape, or raises BadInput.

    Raises:
        BadInput: They are not a list of instances, or do not fit the model.
        TooLarge: More than the server takes.
    """
    listed = list_instances(instances, "instances", limits)
    check_size(len(listed), description, limits)
    decoder = PictureDecoder(description, limits)
    arrays = [
        _read_instance(instance, f"instances[{i}]", description, fit, decoder) for i, instance in enumerate(listed)
    ]
    return stack_instances(arrays, description)


def list_instances(instances: object, kind: str, limits: Limits) -> list[object]:
    """Check that the instances are a list of one or more. `kind` names its entries in the error.

    Raises:
        BadInput: They are not a list, or an empty one.
        TooLarge: More than the server takes.
    """
    if not isinstance(instances, list) or not instances:
        raise BadInput(f"instances is missing or empty; expected a list of {kind}")
    check_count(len(instances), limits)
    return instances


def check_count(count: int, limits: Limits) -> None:
    """Check the number of instances.

    Raises:
        TooLarge: More than the server takes.
    """
    if count > limits.max_instances:
        limit = limits.max_instances
        raise TooLarge(f"{count} instances; expected at most {limit} (the server's limit, --max_instances)")


def check_size(count: int, description: Description, limits: Limits) -> None:
    """Check the size of instances before they are read, if the model's shape is known.

    Raises:
        TooLarge: As float32 they have more bytes than the server takes.
    """
    if description.input_shape is not None:
        check_bytes(BYTES_PER_NUMBER * count * math.prod(description.input_shape), limits)


def refuse_text_model(description: Description) -> None:
    """Check that the model takes tensors.

    Raises:
        BadInput: It takes texts.
    """
    if description.text is not None:
        raise BadInput('the model takes texts; expected {"instances": [...]} with texts')


def stack_instances(arrays: list[np.ndarray], description: Description) -> Tensor:
    """Check arrays of one instance each and stack them: float32 [instances, *input shape].

    Raises:
        BadInput: They have several shapes, hold nothing, NaN or infinity, or values outside the declared range.
    """
    refuse_text_model(description)
    if len({array.shape for array in arrays}) > 1:
        shapes = sorted({str(list(array.shape)) for array in arrays})
        raise BadInput(f"instances have the shapes {', '.join(shapes[:5])}; expected one shape")
    if arrays[0].size == 0 or arrays[0].ndim == 0:
        raise BadInput(f"instances have the shape {list(arrays[0].shape)}; expected one that holds numbers")
    batch = np.stack(arrays)
    if not np.isfinite(batch).all():
        raise BadInput("instances hold NaN or infinity; expected finite numbers")
    if description.input_range is not None:
        low, high = description.input_range
        slack = ROUNDING * (high - low)
        if batch.min() < low - slack or batch.max() > high + slack:
            got = f"{batch.min():g} to {batch.max():g}"
            raise BadInput(f"instances hold values of {got}; expected {low:g} to {high:g}, the model's declared range")
    return torch.from_numpy(batch)


def add_own_targets(parameters: dict[str, Any], instances: list[Any]) -> dict[str, Any]:
    """Add the targets that instances name for themselves, and None (the predicted class) for the others.

    Raises:
        BadInput: The parameters have a target too.
    """
    targets = [instance.get("target") if isinstance(instance, dict) else None for instance in instances]
    if all(target is None for target in targets):
        return parameters
    if parameters.get("target") is not None:
        raise BadInput("parameters and instances both have a target; expected only one of them")
    return {**parameters, "target": targets}


def _read_instance(
    instance: object,
    name: str,
    description: Description,
    fit: Callable[[np.ndarray, str, tuple[int, ...]], np.ndarray],
    decoder: PictureDecoder,
) -> np.ndarray:
    if isinstance(instance, dict):
        keys = [str(key) for key in instance if key != "target"]
        if len(keys) != 1 or keys[0] not in HOLDERS:
            raise BadInput(
                f'{name} has the keys {shorten(sorted(map(str, instance)))}; expected {{"b64": picture}}, '
                '{"data": picture or numbers}, each with or without a "target", or nested numbers'
            )
        name, instance = f"{name}.{keys[0]}", instance[keys[0]]
        if keys[0] == "b64" or isinstance(instance, str):
            return decoder.decode_base64(instance, name)
    if not isinstance(instance, list):
        raise BadInput(f'{name} is not a list; expected nested numbers or {{"b64": picture}}')
    array = read_numbers(instance, name).astype(np.float32)
    return array if description.input_shape is None else fit(array, name, description.input_shape)
