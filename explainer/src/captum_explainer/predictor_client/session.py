"""One explanation's calls to a predictor that has the gradient extension: one deadline, one version of the model."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from captum_serving.errors import BadGateway, BadInput
from captum_serving.protocol.extension_names import (
    COTANGENT,
    EXPLANATION,
    GRADIENT,
    GRADIENT_FROM,
    GRADIENT_SOURCE,
    MODEL_DIGEST,
    PATH_NODES,
    PATH_START,
    PATH_WEIGHTS,
    PREDICTED_ROWS,
    SINK,
    TEXT,
    TEXT_PAIR,
    TOKENS,
)
from captum_serving.protocol.wire import HEADER_LENGTH, Message, decode, encode

from captum_explainer.deadline import Deadline
from captum_explainer.predictor_client.description import ANY, Description
from captum_explainer.predictor_client.errors import require_success
from captum_explainer.predictor_client.exchange import NOTHING, Answer, Array, Derivative, Exchange, Rows
from captum_explainer.predictor_client.texts import strings
from captum_explainer.predictor_client.transport import Connection

# Below the predictor's default limit, whatever a row's size. Twice as many are no faster a row, and the predictor
# holds 10 MiB more.
MAX_CALL_ROWS = 1024

BYTES_PER_NUMBER = 4


class ModelChanged(Exception):
    """The predictor answered for another version of the model than the one that this explanation began with."""

    def __init__(self, described: str | None, answered: str) -> None:
        super().__init__(f"the predictor's model is now {answered}; expected {described}, with which this began")


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

    def carries(self, exchange: Exchange) -> bool:
        """True if the predictor can answer this exchange, and one call has room for it."""
        description, derivative = self.description, exchange.derivative
        if len(exchange.sinks) > 1 and not description.gives_values:
            return False
        if derivative is not None:
            able = description.predicts or derivative.predicted is None
            able &= description.integrates or derivative.path is None
            able &= description.gives_values or derivative.sources == tuple(exchange.sources)
            if not able:
                return False
        rows = exchange.rows + exchange.points
        return rows <= MAX_CALL_ROWS and (rows == 1 or self._largest_message(exchange) <= self.max_call_bytes)

    def answer(self, exchange: Exchange) -> Answer:
        """Answer an exchange, in several calls where one has no room for its rows.

        The exchange has one source, which is the model's input or a stage; of a text model's input it is int64
        [rows, tokens].

        Raises:
            ModelChanged: The answer is another version's.
            ServingError: The predictor cannot be reached, refuses, or answers what it must not.
        """
        parts = self._split(exchange)
        if len(parts) == 1:
            return self._call(exchange)
        answers = [self._call(exchange.part(part)) for part in parts]
        return Answer(
            _concatenate([answer.values for answer in answers]), _concatenate([answer.gradients for answer in answers])
        )

    def tokens(self, texts: Sequence[str], pairs: Sequence[str] | None, *names: str) -> dict[str, Array]:
        """The tokens of texts, and of their pairs where there are any, by the model's own tokenizer.

        Returns:
            Those outputs of the gradient extension's sink `tokens` that have these names, the ids [texts, tokens]
            among them.

        Raises:
            ModelChanged: The answer is another version's.
            ServingError: The predictor cannot be reached, refuses, or answers what it must not.
        """
        tensors = {TEXT: strings(texts)} | ({} if pairs is None else {TEXT_PAIR: strings(pairs)})
        outputs = [{"name": name} for name in names]
        found = self._infer(TOKENS, tensors, {"outputs": outputs}).tensors
        ids = found.get(self.description.input_name)
        for name in names:
            fits = name in found and found[name].shape[:1] == (len(texts),)
            if ids is None or ids.ndim != 2 or not fits or found[name].shape[1:2] not in ((), ids.shape[1:]):
                raise BadGateway(f"the predictor's tokens lack {name}; expected {', '.join(names)} of each text")
        return found

    def _split(self, exchange: Exchange) -> list[slice]:
        """Divide the rows among calls: a path's into halves until they fit, all others evenly."""
        count = exchange.rows
        if exchange.derivative is not None and exchange.derivative.path is not None:
            return [slice(0, count)] if self.carries(exchange) or count == 1 else self._halve(exchange, slice(0, count))
        size = math.ceil(self._largest_message(exchange) / self.max_call_bytes)
        parts = max(math.ceil(count / MAX_CALL_ROWS), min(count, size))
        lengths = [count // parts + (i < count % parts) for i in range(parts)]
        ends = [0, *itertools.accumulate(lengths)]
        return [slice(begin, end) for begin, end in itertools.pairwise(ends)]

    def _halve(self, exchange: Exchange, part: slice) -> list[slice]:
        middle = part.start + (part.stop - part.start) // 2
        halves = [slice(part.start, middle), slice(middle, part.stop)]
        fitting = [half.stop - half.start == 1 or self.carries(exchange.part(half)) for half in halves]
        return [
            piece
            for half, fits in zip(halves, fitting, strict=True)
            for piece in ([half] if fits else self._halve(exchange, half))
        ]

    def _largest_message(self, exchange: Exchange) -> int:
        """The bytes of the request, of the answer, or of what the predictor holds for a path; the most of these."""
        derivative = exchange.derivative
        asked = sum(tensor.nbytes for tensor in exchange.sources.values())
        shapes = self._shapes(exchange)
        held = 0
        if derivative is not None:
            asked += sum(tensor.nbytes for tensor in derivative.cotangents.values())
            if derivative.path is not None:
                asked += sum(tensor.nbytes for tensor in derivative.path)
                held = BYTES_PER_NUMBER * derivative.path.points * math.prod(shapes[GRADIENT][1:])
        return max(asked, BYTES_PER_NUMBER * sum(map(math.prod, shapes.values())), held)

    def _shapes(self, exchange: Exchange) -> dict[str, tuple[int, ...]]:
        """The shapes of the outputs: each sink's, and the gradient's."""
        ((source, rows),) = exchange.sources.items()
        shapes = {name: (len(rows), *self._shape_of(name, rows)) for name in exchange.sinks}
        derivative = exchange.derivative
        if derivative is not None:
            (by,) = derivative.sources
            shape = rows.shape[1:] if by == source else self._shape_of(by, rows)
            if derivative.path is not None:
                shapes[GRADIENT] = (len(derivative.path.starts), *shape)
            else:
                first = 0 if derivative.predicted is None else derivative.predicted.first
                shapes[GRADIENT] = (len(rows) - first, *shape)
        return shapes

    def _shape_of(self, name: str, rows: Array) -> tuple[int, ...]:
        """One row's shape of a stage; of a text model the rows say how many tokens there are."""
        return tuple(rows.shape[1] if size == ANY else size for size in self.description.shape_of(name))

    def _call(self, exchange: Exchange) -> Answer:
        ((source, rows),) = exchange.sources.items()
        tensors: dict[str, Array] = {source: rows}
        parameters: dict[str, Any] = {}
        outputs, sink = [*exchange.sinks], exchange.sinks[-1] if exchange.sinks else ""
        derivative = exchange.derivative
        if derivative is not None:
            (sink,) = derivative.sinks
            outputs.append(GRADIENT)
            tensors |= _tensors_of(derivative)
            parameters |= _parameters_of(derivative, source)
        # The sink and the gradient are the default outputs, also of servers that have no values of other stages.
        named = {} if exchange.sinks == (sink,) else {"outputs": [{"name": name} for name in outputs]}
        message = self._infer(sink, {**tensors, **exchange.extra_inputs}, named, **parameters)
        self.rows += exchange.points + (exchange.rows if exchange.sinks else 0)  # nothing is computed at a path's ends
        found = {name: _read(message, name, shape) for name, shape in self._shapes(exchange).items()}
        gradients = {} if derivative is None else {derivative.sources[0]: found.pop(GRADIENT)}
        return Answer(found, gradients)

    def _infer(
        self, sink: str, tensors: Mapping[str, Array], more: Mapping[str, Any] = NOTHING, **parameters: int | str
    ) -> Message:
        document = {"parameters": {SINK: sink, EXPLANATION: True, "binary_data_output": True, **parameters}, **more}
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

    def _check_version(self, message: Message) -> None:
        digest = message.parameters.get(MODEL_DIGEST)
        if not isinstance(digest, str):
            raise BadGateway("the predictor's answer names no model_digest; expected one in its parameters")
        if digest != self.description.digest:
            raise ModelChanged(self.description.digest, digest)


def _tensors_of(derivative: Derivative) -> dict[str, Array]:
    names = PATH_START, PATH_NODES, PATH_WEIGHTS
    tensors = {} if derivative.path is None else dict(zip(names, derivative.path, strict=True))
    if derivative.predicted is None:
        (tensors[COTANGENT],) = derivative.cotangents.values()
    return tensors


def _parameters_of(derivative: Derivative, source: str) -> dict[str, int | str]:
    (by,) = derivative.sources
    parameters: dict[str, int | str] = {} if by == source else {GRADIENT_SOURCE: by}
    if derivative.predicted is not None:
        parameters |= {PREDICTED_ROWS: derivative.predicted.rows, GRADIENT_FROM: derivative.predicted.first}
    return parameters


def _concatenate(parts: Sequence[Mapping[str, Rows]]) -> dict[str, Rows]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _read(message: Message, name: str, shape: tuple[int, ...]) -> Rows:
    tensor = message.tensors.get(name)
    if tensor is None or tensor.shape != shape or tensor.dtype != np.float32:
        got = "none" if tensor is None else f"{tensor.dtype} {list(tensor.shape)}"
        raise BadGateway(f"the predictor's output {name!r} is {got}; expected float32 {list(shape)}")
    if not np.isfinite(tensor).all():
        raise BadGateway(f"the predictor's output {name!r} holds NaN or infinity; expected finite numbers")
    return tensor
