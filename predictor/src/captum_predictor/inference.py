"""V2 inference with the gradient extension: from a request's message to what is computed, and from that to the answer.

REST and gRPC share it; docs/gradient-extension.md is its description.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from captum_serving import wire
from captum_serving.errors import BadInput, TooLarge
from captum_serving.requested import object_of, requested_outputs, typed

from captum_predictor.engine import Answer, Array, finite
from captum_predictor.lanes import Priority
from captum_predictor.model_directory import LoadedModel
from captum_predictor.segments import Chain, Segment

COTANGENT = "cotangent"
GRADIENT = "gradient"

# Beyond the declared range by this share of its width is rounding.
RANGE_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Limits:
    """`rows` of one request, and the `answer_bytes` of one response's tensors."""

    rows: int
    answer_bytes: int


@dataclass(frozen=True)
class Query:
    """What a request asks for; arrays are of any numeric dtype, and finite."""

    segment: Segment
    source: Array
    cotangent: Array | None
    priority: Priority
    outputs: dict[str, bool]
    """The names of the outputs in the answer's order, and whether each goes as bytes."""


class Reader:
    """Reads requests for one model."""

    def __init__(self, model: LoadedModel, limits: Limits) -> None:
        self._model = model
        self._chain = Chain(model)
        self._limits = limits

    def read(self, message: wire.Message) -> Query:
        """Check a V2 request.

        Raises:
            BadInput: Anything in it that does not fit the model or the extension.
            TooLarge: More rows, or a larger answer, than the limits allow.
        """
        parameters = object_of(message.document, "parameters")
        explanation = typed(parameters, "explanation", bool, "true or false") or False
        segment = self._chain.segment(self._source(message), typed(parameters, "sink", str, "a stage's name"))
        source = message.tensors[segment.source]
        cotangent = message.tensors.get(COTANGENT)
        outputs = _outputs(message, segment.sink.name, with_gradient=cotangent is not None)
        self._check_size(segment, len(self._rows(source, segment.source, segment.source_shape)), cotangent is not None)
        source = _floats(source, segment.source)
        if segment.source == self._model.input_name and not explanation:
            self._check_range(source)
        if cotangent is not None:
            expected = (len(source), *segment.sink.shape)
            if cotangent.shape != expected:
                raise BadInput(
                    f"cotangent: shape is {list(cotangent.shape)}; expected {list(expected)}, "
                    f"that of {segment.sink.name!r} for these rows"
                )
            cotangent = _floats(cotangent, COTANGENT)
        return Query(segment, source, cotangent, Priority.EXPLANATION if explanation else Priority.PREDICTION, outputs)

    def read_instances(self, instances: object) -> Query:
        """Check the `instances` of a V1 request: nested numbers `[rows, *input shape]`.

        A leading dimension of one channel may be left out.

        Raises:
            BadInput: They do not fit the model's input.
            TooLarge: More of them than the limit allows.
        """
        if not isinstance(instances, list) or not instances:
            raise BadInput("'instances' is missing or empty; expected a list of one or more instances")
        array = wire.numbers(instances, "instances")
        shape = self._model.input_shape
        if shape[0] == 1 and array.shape[1:] == shape[1:]:
            array = array.reshape(len(array), *shape)
        segment = self._chain.segment(self._model.input_name, None)
        self._check_size(segment, len(self._rows(array, "instances", shape)), False)
        array = _floats(array, "instances")
        self._check_range(array)
        return Query(segment, array, None, Priority.PREDICTION, {segment.sink.name: False})

    def _source(self, message: wire.Message) -> str:
        names = [name for name in message.tensors if name != COTANGENT]
        if len(names) != 1 or names[0] not in self._chain.sources:
            got = ", ".join(repr(name[:80]) for name in message.tensors) or "none"
            input_name, *stages = self._chain.sources
            raise BadInput(
                f"inputs are {got}; expected {input_name!r}, the model's input, or the output of one stage "
                f"({', '.join(stages) or 'there is none'}), and at most a 'cotangent' beside it"
            )
        return names[0]

    def _rows(self, array: Array, name: str, shape: tuple[int, ...]) -> Array:
        if array.shape[1:] != shape or array.ndim == 0:
            raise BadInput(f"{name}: shape is {list(array.shape)}; expected {['n', *shape]}".replace("'", ""))
        return array

    def _check_size(self, segment: Segment, rows: int, with_gradient: bool) -> None:
        if rows == 0:
            raise BadInput(f"{segment.source}: has 0 rows; expected at least 1")
        if rows > self._limits.rows:
            raise TooLarge(f"{segment.source}: has {rows} rows; expected at most {self._limits.rows} in one request")
        size = math.prod(segment.sink.shape) + (math.prod(segment.source_shape) if with_gradient else 0)
        if rows > 1 and 4 * rows * size > self._limits.answer_bytes:
            raise TooLarge(
                f"the answer for {rows} rows has {4 * rows * size} bytes; "
                f"expected at most {self._limits.answer_bytes}: send fewer rows"
            )

    def _check_range(self, array: Array) -> None:
        low, high = self._model.input_range
        slack = RANGE_TOLERANCE * (high - low)
        least, most = float(array.min()), float(array.max())
        if least < low - slack or most > high + slack:
            raise BadInput(
                f"{self._model.input_name}: values are {least:g} to {most:g}; expected {low:g} to {high:g}, "
                "the range that the model declares"
            )


def answer_message(
    query: Query, answer: Answer, request: Mapping[str, Any], model_name: str, digest: str
) -> tuple[dict[str, Any], dict[str, Array]]:
    """The response to `request`: its document without the outputs, and the output tensors in order."""
    document: dict[str, Any] = {"model_name": model_name, "parameters": {"model_digest": digest}}
    if request.get("id"):
        document["id"] = request["id"]
    tensors: dict[str, Array] = {}
    for name in query.outputs:
        tensor = answer.gradient if name == GRADIENT else answer.value
        assert tensor is not None, "outputs are checked against the cotangent when the request is read"
        tensors[name] = tensor
    return document, tensors


def _outputs(message: wire.Message, sink: str, with_gradient: bool) -> dict[str, bool]:
    if with_gradient:
        return requested_outputs(message, [sink, GRADIENT])
    return requested_outputs(message, [sink], " (a gradient needs an input 'cotangent')")


def _floats(array: Array, name: str) -> Array:
    if array.dtype != np.float32:
        with np.errstate(over="ignore"):
            array = array.astype(np.float32)
    if not finite(array):
        raise BadInput(f"{name}: holds NaN, infinity or a number too large for FP32; expected finite numbers")
    return array
