"""One explanation's calls to a predictor that has the gradient extension: one deadline, one version of the model."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from captum_serving.errors import BadGateway
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
from captum_serving.protocol.wire import Message

from captum_explainer.predictor_client.calls import Calls
from captum_explainer.predictor_client.exchange import NOTHING, Answer, Array, Exchange, Rows
from captum_explainer.predictor_client.texts import Text

BYTES_PER_NUMBER = 4


class ModelChanged(Exception):
    """The predictor answered for another version of the model than the one that this explanation began with."""

    def __init__(self, described: str | None, answered: str) -> None:
        super().__init__(f"the predictor's model is now {answered}; expected {described}, with which this began")


@dataclass
class Session(Calls):
    """Values and vector-Jacobian products of the model that `description` describes."""

    def carries(self, exchange: Exchange) -> bool:
        """True if the predictor can answer this exchange, and one call has room for it."""
        rows = exchange.rows + exchange.points
        return self._can_answer(exchange) and self.count_parts(rows, self._find_largest_message(exchange)) == 1

    def answer(self, exchange: Exchange) -> Answer:
        """Answer an exchange, in several calls where one has no room for its rows.

        The exchange has one source: the model's input or a stage. A text model's input is int64 [rows, tokens].

        Raises:
            ModelChanged: The answer is another version's.
            ServingError: The predictor cannot be reached, refuses, or answers what it must not.
        """
        answers = [self._call(part) for part in self._split(exchange)]
        if len(answers) == 1:
            return answers[0]
        return Answer(
            _concatenate([answer.values for answer in answers]), _concatenate([answer.gradients for answer in answers])
        )

    def tokenize(self, texts: Sequence[Text], *names: str) -> dict[str, Array]:
        """The tokens of texts, by the model's own tokenizer; all texts have a pair, or none has one.

        Returns:
            Those outputs of the gradient extension's sink `tokens` that have these names, the ids [texts, tokens]
            among them.

        Raises:
            ModelChanged: The answer is another version's.
            ServingError: The predictor cannot be reached, refuses, or answers what it must not.
        """
        parts = zip(*(text.parts for text in texts), strict=True)
        tensors = {name: np.array(part, object) for name, part in zip((TEXT, TEXT_PAIR), parts, strict=False)}
        found = self._ask(TOKENS, tensors, names).tensors
        ids = found.get(self.description.input_name)
        for name in names:
            fits = name in found and found[name].shape[:1] == (len(texts),)
            if ids is None or ids.ndim != 2 or not fits or found[name].shape[1:2] not in ((), ids.shape[1:]):
                raise BadGateway(f"the predictor's tokens lack {name}; expected {', '.join(names)} for each text")
        return found

    def _can_answer(self, exchange: Exchange) -> bool:
        description, derivative = self.description, exchange.derivative
        if len(exchange.sources) > 1 or (len(exchange.sinks) > 1 and not description.gives_values):
            return False
        if derivative is None:
            return True
        return (
            len(derivative.sources) == len(derivative.sinks) == 1
            and (description.predicts or derivative.predicted is None)
            and (description.integrates or derivative.path is None)
            and (description.gives_values or derivative.sources == tuple(exchange.sources))
        )

    def _split(self, exchange: Exchange) -> list[Exchange]:
        """Divide the rows among calls: a path's into halves until they fit, all others evenly."""
        count = exchange.rows
        if exchange.points:
            if count == 1 or self.carries(exchange):
                return [exchange]
            halves = slice(count // 2), slice(count // 2, None)
            return [part for half in halves for part in self._split(exchange.take_rows(half))]
        parts = self.count_parts(count, self._find_largest_message(exchange))
        if parts == 1:
            return [exchange]
        chunks = np.array_split(np.arange(count), parts)
        return [exchange.take_rows(slice(chunk[0], chunk[-1] + 1)) for chunk in chunks]

    def _find_largest_message(self, exchange: Exchange) -> int:
        """The bytes of the request, of the answer, or of what the predictor holds for a path; the most of these."""
        derivative, shapes = exchange.derivative, self._list_shapes(exchange)
        asked = sum(tensor.nbytes for tensor in exchange.sources.values())
        if derivative is not None:
            given = [*derivative.cotangents.values(), *(derivative.path or ())]
            asked += sum(tensor.nbytes for tensor in given)
        held = BYTES_PER_NUMBER * exchange.points * math.prod(shapes.get(GRADIENT, ())[1:])
        return max(asked, BYTES_PER_NUMBER * sum(map(math.prod, shapes.values())), held)

    def _list_shapes(self, exchange: Exchange) -> dict[str, tuple[int, ...]]:
        """The shapes of the outputs: each sink's, and the gradient's."""
        ((source, rows),) = exchange.sources.items()
        find_shape = self.description.find_row_shape
        shapes = {name: (len(rows), *find_shape(name, rows)) for name in exchange.sinks}
        derivative = exchange.derivative
        if derivative is not None:
            (by,) = derivative.sources
            count = len(rows) if derivative.predicted is None else len(rows) - derivative.predicted.first
            if derivative.path is not None:
                count = len(derivative.path.starts)
            shapes[GRADIENT] = (count, *(rows.shape[1:] if by == source else find_shape(by, rows)))
        return shapes

    def _call(self, exchange: Exchange) -> Answer:
        ((source, rows),) = exchange.sources.items()
        tensors: dict[str, Array] = {source: rows}
        parameters: dict[str, int | str] = {}
        derivative = exchange.derivative
        sink = exchange.sinks[-1] if derivative is None else derivative.sinks[0]
        outputs = exchange.sinks if derivative is None else (*exchange.sinks, GRADIENT)
        if derivative is not None:
            (by,) = derivative.sources
            if by != source:
                parameters[GRADIENT_SOURCE] = by
            if derivative.path is not None:
                tensors |= dict(zip((PATH_START, PATH_NODES, PATH_WEIGHTS), derivative.path, strict=True))
            if derivative.predicted is None:
                tensors[COTANGENT] = derivative.cotangents[sink]
            else:
                parameters |= {PREDICTED_ROWS: derivative.predicted.rows, GRADIENT_FROM: derivative.predicted.first}
        # The sink and the gradient are the default outputs, also of servers that have no values of other stages.
        named = () if exchange.sinks == (sink,) else outputs
        message = self._ask(sink, {**tensors, **exchange.extra_inputs}, named, parameters)
        self.rows += exchange.points + (exchange.rows if exchange.sinks else 0)  # nothing is computed at a path's ends
        found = {name: _read_output(message, name, shape) for name, shape in self._list_shapes(exchange).items()}
        gradients = {} if derivative is None else {derivative.sources[0]: found.pop(GRADIENT)}
        return Answer(found, gradients)

    def _ask(
        self,
        sink: str,
        tensors: Mapping[str, Array],
        outputs: Sequence[str],
        parameters: Mapping[str, int | str] = NOTHING,
    ) -> Message:
        """Call infer for the outputs with these names, or for the default ones if none is named."""
        document: dict[str, Any] = {
            "parameters": {SINK: sink, EXPLANATION: True, "binary_data_output": True, **parameters}
        }
        if outputs:
            document["outputs"] = [{"name": name} for name in outputs]
        message = self.infer(document, tensors, binary=True, strings=str)
        digest = message.parameters.get(MODEL_DIGEST)
        if not isinstance(digest, str):
            raise BadGateway("the predictor's answer names no model_digest; expected one in its parameters")
        if digest != self.description.digest:
            raise ModelChanged(self.description.digest, digest)
        return message


def _concatenate(parts: Sequence[Mapping[str, Rows]]) -> dict[str, Rows]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _read_output(message: Message, name: str, shape: tuple[int, ...]) -> Rows:
    tensor = message.tensors.get(name)
    if tensor is None or tensor.shape != shape or tensor.dtype != np.float32:
        got = "none" if tensor is None else f"{tensor.dtype} {list(tensor.shape)}"
        raise BadGateway(f"the predictor's output {name!r} is {got}; expected float32 {list(shape)}")
    if not np.isfinite(tensor).all():
        raise BadGateway(f"the predictor's output {name!r} holds NaN or infinity; expected finite numbers")
    return tensor
