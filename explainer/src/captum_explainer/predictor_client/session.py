"""One explanation's calls to a predictor that has the gradient extension: one deadline, one version of the model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from captum_serving.errors import BadGateway, BadInput
from captum_serving.protocol.wire import HEADER_LENGTH, Message, decode, encode

from captum_explainer.deadline import Deadline
from captum_explainer.predictor_client.description import ANY, Description
from captum_explainer.predictor_client.errors import require_success
from captum_explainer.predictor_client.texts import strings
from captum_explainer.predictor_client.transport import Connection

Array = np.ndarray[Any, Any]
Rows = np.ndarray[Any, np.dtype[np.float32]]

# Below what the predictor takes by default, whatever a row's size. Twice as many are no faster a row, and the predictor
# holds 10 MiB more.
MAX_CALL_ROWS = 1024

BYTES_PER_NUMBER = 4
COTANGENT = "cotangent"
GRADIENT = "gradient"
NOTHING: Mapping[str, Any] = MappingProxyType({})


class ModelChanged(Exception):
    """The predictor answered for another version of the model than the one that this explanation began with."""

    def __init__(self, described: str | None, answered: str) -> None:
        super().__init__(f"the predictor's model is now {answered}; expected {described}, with which this began")


class Answer(NamedTuple):
    """A sink's value, and the VJP where a cotangent was sent."""

    value: Rows
    gradient: Rows | None


class StraightPath(NamedTuple):
    """Straight paths to the first rows of a call, and the quadrature on them.

    `starts` are float32 [paths, *the source's shape]; `nodes` (0 at the start, 1 at the row) and `weights` float32
    [steps].
    """

    starts: Rows
    nodes: Rows
    weights: Rows

    @property
    def points(self) -> int:
        """Of all paths."""
        return len(self.starts) * len(self.nodes)


class Derivative(NamedTuple):
    """A gradient that is asked for with values: of `sink` by `source`, which lies before it.

    Its cotangent is that of all rows; or None, for the classes that are predicted for the first `predicted` rows. Then
    row `first + i` has that of row `i modulo predicted`, and the rows before it have no gradient. With a `path` it is
    the integral along that, one row a path, for the cotangent or the predicted class of the row that the path leads to.
    """

    source: str
    sink: str
    cotangent: Rows | None = None
    predicted: int = 0
    first: int = 0
    path: StraightPath | None = None


class Values(NamedTuple):
    """Values by their stages' names, and the gradient where one was asked for."""

    by_stage: dict[str, Rows]
    gradient: Rows | None


@dataclass
class Session:
    """Values and vector-Jacobian products of the model that `description` describes."""

    connection: Connection
    description: Description
    deadline: Deadline
    headers: Mapping[str, str]
    max_call_bytes: int
    calls: int = field(default=0, init=False)
    rows: int = field(default=0, init=False)

    def ask(
        self,
        source: str,
        sink: str,
        rows: Array,
        cotangent: Rows | None = None,
        beside: Mapping[str, Array] = NOTHING,
    ) -> Answer:
        """The value of `sink` for `rows` of `source`, and where there is a cotangent, cotangent^T · d sink / d source.

        Args:
            source: The model's input or a stage.
            sink: A stage at or after the source.
            rows: float32 [rows, *the source's shape]; of a text model's input int64 [rows, tokens].
            cotangent: float32 [rows, *the sink's shape].
            beside: What stands beside the source of a text model, int64 [rows, tokens].

        Raises:
            ModelChanged: The answer is another version's.
            ServingError: The predictor cannot be reached, refuses, or answers what it must not.
        """
        parts = self._parts(sink, rows, cotangent is not None)
        if parts == 1:
            return self._call(source, sink, rows, cotangent, beside)
        tensors = {source: rows} | ({} if cotangent is None else {COTANGENT: cotangent}) | dict(beside)
        split = {name: np.array_split(tensor, parts) for name, tensor in tensors.items()}
        answers = []
        for i in range(parts):
            part = {name: tensors[i] for name, tensors in split.items()}
            answers.append(self._call(source, sink, part.pop(source), part.pop(COTANGENT, None), part))
        gradient = (
            None if cotangent is None else np.concatenate([a.gradient for a in answers if a.gradient is not None])
        )
        return Answer(np.concatenate([a.value for a in answers]), gradient)

    def ask_values(
        self, source: str, stages: Sequence[str], rows: Rows, derivative: Derivative | None
    ) -> Values | None:
        """The values of several stages for `rows` of `source`, which lies before all of them, by one call.

        Of no stages it is the derivative alone. None where one call cannot carry it. Raises as `ask` does.
        """
        sink = stages[-1] if derivative is None else derivative.sink
        shapes = {name: (len(rows), *self._shape_of(name, rows)) for name in stages}
        tensors, parameters, outputs, points = {source: rows}, dict[str, Any](), [*stages], 0
        if derivative is not None:
            outputs.append(GRADIENT)
            by = rows.shape if derivative.source == source else (len(rows), *self._shape_of(derivative.source, rows))
            shapes[GRADIENT] = (len(rows) - derivative.first, *by[1:])
            if derivative.path is not None:
                path = derivative.path
                tensors |= {"path_start": path.starts, "path_nodes": path.nodes, "path_weights": path.weights}
                shapes[GRADIENT] = path.starts.shape[:1] + by[1:]
                points = path.points
            if derivative.source != source:
                parameters["gradient_source"] = derivative.source
            if derivative.cotangent is None:
                parameters |= {"predicted_rows": derivative.predicted, "gradient_from": derivative.first}
            else:
                tensors[COTANGENT] = derivative.cotangent
        asked = sum(tensor.nbytes for tensor in tensors.values())
        answered = BYTES_PER_NUMBER * sum(map(math.prod, shapes.values()))
        held = BYTES_PER_NUMBER * points * math.prod(shapes.get(GRADIENT, ())[1:])
        most = len(rows) + points
        if most > MAX_CALL_ROWS or (most > 1 and max(asked, answered, held) > self.max_call_bytes):
            return None
        # Of the sink alone they are the default, to servers too that have no values of other stages.
        named = {} if list(stages) == [sink] else {"outputs": [{"name": name} for name in outputs]}
        message = self._exchange(sink, tensors, named, **parameters)
        self.rows += points + (len(rows) if stages else 0)  # else nothing is computed at a path's ends
        found = {name: _output(message, name, shape) for name, shape in shapes.items()}
        gradient = found.pop(GRADIENT, None)
        return Values(found, gradient)

    def tokens(self, texts: Sequence[str], pairs: Sequence[str] | None, *names: str) -> dict[str, Array]:
        """The tokens of texts, and of their pairs where there are any, by the model's own tokenizer.

        Returns:
            Those outputs of the gradient extension's sink `tokens` that have these names, the ids [texts, tokens]
            among them.

        Raises:
            ModelChanged: The answer is another version's.
            ServingError: The predictor cannot be reached, refuses, or answers what it must not.
        """
        tensors = {"text": strings(texts)} | ({} if pairs is None else {"text_pair": strings(pairs)})
        outputs = [{"name": name} for name in names]
        found = self._exchange("tokens", tensors, {"outputs": outputs}).tensors
        ids = found.get(self.description.input_name)
        for name in names:
            fits = name in found and found[name].shape[:1] == (len(texts),)
            if ids is None or ids.ndim != 2 or not fits or found[name].shape[1:2] not in ((), ids.shape[1:]):
                raise BadGateway(f"the predictor's tokens lack {name}; expected {', '.join(names)} of each text")
        return found

    def _call(self, source: str, sink: str, rows: Array, cotangent: Rows | None, beside: Mapping[str, Array]) -> Answer:
        tensors = {source: rows} | ({} if cotangent is None else {COTANGENT: cotangent}) | dict(beside)
        message = self._exchange(sink, tensors)
        return self._read(message, sink, rows, None if cotangent is None else rows.shape)

    def _exchange(
        self, sink: str, tensors: Mapping[str, Array], more: Mapping[str, Any] = NOTHING, **parameters: int | str
    ) -> Message:
        document = {"parameters": {"sink": sink, "explanation": True, "binary_data_output": True, **parameters}, **more}
        body, header_length = encode(document, tensors, "inputs", binary=True)
        headers = {**self.headers, "Content-Type": "application/octet-stream", HEADER_LENGTH: str(header_length)}
        path = f"/v2/models/{self.description.name}/infer"
        reply = require_success(self.connection.call("POST", path, self.deadline, body, headers))
        self.calls += 1
        try:
            message = decode(reply.body, reply.headers.get(HEADER_LENGTH), "outputs", strings=str)
        except BadInput as error:
            raise BadGateway(f"the predictor's answer does not follow the Open Inference Protocol: {error}") from None
        self._check_version(message)
        return message

    def _read(self, message: Message, sink: str, rows: Array, gradient_shape: tuple[int, ...] | None) -> Answer:
        self.rows += len(rows)
        value = _output(message, sink, (len(rows), *self._shape_of(sink, rows)))
        return Answer(value, None if gradient_shape is None else _output(message, GRADIENT, gradient_shape))

    def _shape_of(self, sink: str, rows: Array) -> tuple[int, ...]:
        """One row's; of a text model the rows say how many tokens there are."""
        return tuple(rows.shape[1] if size == ANY else size for size in self.description.shape_of(sink))

    def _parts(self, sink: str, rows: Array, with_gradient: bool) -> int:
        """How many calls carry the rows."""
        value = BYTES_PER_NUMBER * len(rows) * math.prod(self._shape_of(sink, rows))
        # Of the request or of its answer, whichever is larger.
        carried = rows.nbytes + value if with_gradient else max(rows.nbytes, value)
        return max(math.ceil(len(rows) / MAX_CALL_ROWS), min(len(rows), math.ceil(carried / self.max_call_bytes)))

    def _check_version(self, message: Message) -> None:
        digest = message.parameters.get("model_digest")
        if not isinstance(digest, str):
            raise BadGateway("the predictor's answer names no model_digest; expected one in its parameters")
        if digest != self.description.digest:
            raise ModelChanged(self.description.digest, digest)


def _output(message: Message, name: str, shape: tuple[int, ...]) -> Rows:
    tensor = message.tensors.get(name)
    if tensor is None or tensor.shape != shape or tensor.dtype != np.float32:
        got = "none" if tensor is None else f"{tensor.dtype} {list(tensor.shape)}"
        raise BadGateway(f"the predictor's output {name!r} is {got}; expected float32 {list(shape)}")
    if not np.isfinite(tensor).all():
        raise BadGateway(f"the predictor's output {name!r} holds NaN or infinity; expected finite numbers")
    return tensor
