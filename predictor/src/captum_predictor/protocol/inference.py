"""Reads V2 requests with the gradient extension, and V1 instances; REST and gRPC share it.

docs/gradient-extension.md describes the extension.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from captum_serving.errors import BadInput, TooLarge
from captum_serving.protocol import wire
from captum_serving.protocol.extension_names import (
    COTANGENT,
    EXPLANATION,
    GRADIENT,
    GRADIENT_FROM,
    GRADIENT_SOURCE,
    PATH_INPUTS,
    PATH_START,
    PREDICTED_ROWS,
    SINK,
)
from captum_serving.protocol.requested import read_object, read_outputs, read_parameter

from captum_predictor.engine.arrays import Array, to_floats
from captum_predictor.engine.lanes import Priority
from captum_predictor.engine.path_integral import StraightPaths
from captum_predictor.engine.query import Cotangents, GivenCotangents, PredictedCotangents, Query
from captum_predictor.graph.chain import ANY, Segment
from captum_predictor.kinds.kind import Allowance, Instances, Kind, wait_on
from captum_predictor.protocol.open_requests import check_open
from captum_predictor.protocol.path_inputs import read_paths


@dataclass(frozen=True)
class Limits:
    """The most `rows` and `characters` of texts in one request, and `answer_bytes` in one response's tensors."""

    rows: int
    answer_bytes: int
    characters: int = 4_000_000


@dataclass(frozen=True)
class Request:
    """A V2 request that was read: a query to compute, or the answer itself where texts ask for their tokens.

    Attributes:
        identifier: The request's `id`, which its answer repeats; None where it has none.
        outputs: The names of the outputs in the answer's order, and whether each goes as bytes.
        query: None where the answer is known.
        tokens: The answer's tensors, where it is known.
    """

    identifier: str | None
    outputs: Mapping[str, bool]
    query: Query | None = None
    tokens: Mapping[str, Array] = field(default_factory=dict)


class Reader:
    """Reads requests for one model; what differs between kinds of models is left to its `kind`."""

    def __init__(self, kind: Kind, limits: Limits) -> None:
        self._kind = kind
        self._model = kind.model
        self._limits = limits

    def read(
        self, message: wire.Message, *, trusted: bool = True, check_wanted: Callable[[], None] = wait_on
    ) -> Request:
        """Check a V2 request; one that is not `trusted` may not use the extension.

        `check_wanted` is called now and then, and raises once nobody waits for the answer any more.

        Raises:
            BadInput: Something in it does not fit the model or the extension.
            Forbidden: It would use the extension.
            TooLarge: It has more rows, or a larger answer, than the limits allow.
        """
        if not trusted:
            check_open(message, self._kind)
        parameters = read_object(message.document, "parameters")
        explanation = read_parameter(parameters, EXPLANATION, bool, "true or false") or False
        sink = read_parameter(parameters, SINK, str, "a stage's name")
        if not message.tensors.keys().isdisjoint(self._kind.text_inputs):
            return self._read_texts(message, sink, Allowance(self._limits.characters, check_wanted))
        asked = self._model.find_segment(self._find_source(message), sink)
        source = message.tensors[asked.source]
        cotangent = message.tensors.get(COTANGENT)
        predicted = _read_predicted(parameters)
        differentiated = self._read_differentiated(parameters, asked, cotangent is not None or predicted is not None)
        outputs = self._read_outputs(message, asked, with_gradient=differentiated is not None)
        wanted = {asked.sink.name, *outputs} - {GRADIENT}
        last = [name for name in self._model.list_after(asked.source) if name in wanted][-1]
        segment = self._model.find_segment(asked.source, last)
        self._check_shape(segment, source, segment.source, wanted, differentiated)
        if predicted is not None:
            _check_predicted(predicted, asked, source, cotangent)
        source = self._kind.check_source(segment.source, source, explanation)
        extra_inputs = self._kind.check_extra_inputs(message.tensors, source.shape[:2])
        path = read_paths(
            message.tensors,
            source,
            differentiated is not None,
            lambda starts: self._kind.check_source(segment.source, starts, explanation),
        )
        if path is not None and differentiated is not None:
            shapes = segment.compute_shapes(source.shape[1:])
            values = len(source) * sum(math.prod(shapes[name]) for name in wanted)
            self._check_paths(path, len(source), values, shapes[differentiated.source], predicted)
        cotangents: Cotangents | None = predicted
        if cotangent is not None:
            rows = len(source) if path is None else len(path.starts)
            expected = (rows, *asked.compute_shapes(source.shape[1:])[asked.sink.name])
            if cotangent.shape != expected:
                raise BadInput(
                    f"cotangent: shape is {list(cotangent.shape)}; expected {list(expected)}, "
                    f"that of {asked.sink.name!r} for these rows"
                )
            cotangents = GivenCotangents(to_floats(cotangent, COTANGENT))
            if path is not None and list(outputs) == [GRADIENT]:
                source = source[:0]  # no value at the paths' ends is wanted
        priority = Priority.EXPLANATION if explanation else Priority.PREDICTION
        query = Query(segment, source, priority, extra_inputs, outputs, cotangents, differentiated, path)
        return Request(message.document.get("id"), outputs, query)

    def read_instances(self, instances: object, check_wanted: Callable[[], None] = wait_on) -> tuple[Query, Instances]:
        """Check the `instances` of a V1 request; for `check_wanted` see `read`.

        Raises:
            BadInput: They do not fit the model's input.
            TooLarge: There are more than the limit allows.
        """
        if not isinstance(instances, list) or not instances:
            raise BadInput("'instances' is missing or empty; expected a list of one or more instances")
        segment = self._model.find_segment(self._model.input_name, None)
        self._check_rows(segment.source, len(instances))
        read = self._kind.read_instances(instances, Allowance(self._limits.characters, check_wanted))
        self._check_shape(segment, read.source, "instances", {segment.sink.name}, None)
        source = self._kind.check_source(segment.source, read.source, False)
        return Query(segment, source, Priority.PREDICTION, read.extra_inputs), read

    def _read_texts(self, message: wire.Message, sink: str | None, allowance: Allowance) -> Request:
        names, text_inputs = list(message.tensors), self._kind.text_inputs
        if not set(names) <= set(text_inputs):
            raise BadInput(f"inputs are {_quote(names)}; expected {_quote(text_inputs)} alone, or tensors without them")
        rows = message.tensors[names[0]].shape
        self._check_rows(names[0], rows[0] if rows else 0)
        tensors = self._kind.read_texts(message.tensors, sink, allowance)
        size = sum(tensor.nbytes for tensor in tensors.values())
        if rows[0] > 1 and size > self._limits.answer_bytes:
            raise TooLarge(
                f"the answer for {rows[0]} rows has over {size} bytes; "
                f"expected at most {self._limits.answer_bytes}: send fewer rows"
            )
        return Request(message.document.get("id"), read_outputs(message, list(tensors)), tokens=tensors)

    def _find_source(self, message: wire.Message) -> str:
        others = (COTANGENT, *PATH_INPUTS, *self._kind.extra_inputs)
        names = [name for name in message.tensors if name not in others]
        if len(names) != 1 or names[0] not in self._model.sources:
            input_name, *stages = self._model.sources
            extra_inputs = f"{_quote(self._kind.extra_inputs)} and a" if self._kind.extra_inputs else "a"
            texts = f"; or {_quote(self._kind.text_inputs)} alone" if self._kind.text_inputs else ""
            raise BadInput(
                f"inputs are {_quote(message.tensors)}; expected {input_name!r}, the model's input, or the output of "
                f"one stage ({', '.join(stages) or 'there is none'}), and at most {extra_inputs} 'cotangent' and "
                f"a path's {', '.join(PATH_INPUTS)} beside it{texts}"
            )
        return names[0]

    def _read_differentiated(
        self, parameters: Mapping[str, Any], asked: Segment, with_gradient: bool
    ) -> Segment | None:
        source = read_parameter(parameters, GRADIENT_SOURCE, str, "the input's or a stage's name")
        if not with_gradient:
            if source is not None:
                raise BadInput(
                    f"there is {GRADIENT_SOURCE} without a gradient; expected a cotangent or {PREDICTED_ROWS} too"
                )
            return None
        if source in (None, asked.source):
            return asked
        between = [stage.name for stage in asked.stages[:-1]]
        if source not in between:
            raise BadInput(
                f"{GRADIENT_SOURCE} is {str(source)[:80]!r}; expected the source or a stage between it and the sink: "
                f"{', '.join([asked.source, *between])}"
            )
        return self._model.find_segment(source, asked.sink.name)

    def _read_outputs(self, message: wire.Message, asked: Segment, with_gradient: bool) -> dict[str, bool]:
        gradient = [GRADIENT] if with_gradient else []
        hint = "" if with_gradient else " (a gradient needs an input 'cotangent')"
        choices = [*self._model.list_after(asked.source), *gradient]
        return read_outputs(message, choices, hint, default=[asked.sink.name, *gradient])

    def _check_shape(
        self, segment: Segment, array: Array, name: str, wanted: Collection[str], differentiated: Segment | None
    ) -> None:
        if array.ndim == 0 or not segment.takes(array.shape[1:]):
            sizes = ", ".join(["n", *("tokens" if size == ANY else str(size) for size in segment.source_shape)])
            raise BadInput(f"{name}: shape is {list(array.shape)}; expected [{sizes}]")
        rows, shape = len(array), array.shape[1:]
        self._check_rows(segment.source, rows)
        shapes = segment.compute_shapes(shape)
        by = [] if differentiated is None else [differentiated.source]
        size = sum(math.prod(shapes[held]) for held in [*wanted, *by])
        if rows > 1 and 4 * rows * size > self._limits.answer_bytes:
            raise TooLarge(
                f"the answer for {rows} rows has {4 * rows * size} bytes; "
                f"expected at most {self._limits.answer_bytes}: send fewer rows"
            )

    def _check_paths(
        self, path: StraightPaths, rows: int, values: int, by: tuple[int, ...], predicted: PredictedCotangents | None
    ) -> None:
        """Points count as rows, and their gradients as part of the answer: they take as much memory."""
        steps = f"{len(path.starts)} x {len(path.nodes)} points of a path"
        self._check_rows(f"the source with the {steps}", rows + path.rows)
        size = 4 * (values + path.rows * math.prod(by))
        if path.rows > 1 and size > self._limits.answer_bytes:
            raise TooLarge(
                f"the values with the gradients of {steps} have {size} bytes; "
                f"expected at most {self._limits.answer_bytes}: send fewer paths or steps"
            )
        if predicted not in (None, PredictedCotangents(len(path.starts), 0)):
            raise BadInput(
                f"{PREDICTED_ROWS} is {predicted.rows} and {GRADIENT_FROM} is {predicted.first_row}, and "
                f"{PATH_START} has {len(path.starts)} rows; "
                f"expected {PREDICTED_ROWS} {len(path.starts)} and {GRADIENT_FROM} 0"
            )

    def _check_rows(self, name: str, rows: int) -> None:
        if rows == 0:
            raise BadInput(f"{name}: has 0 rows; expected at least 1")
        if rows > self._limits.rows:
            raise TooLarge(f"{name}: has {rows} rows; expected at most {self._limits.rows} in one request")


def _read_predicted(parameters: Mapping[str, Any]) -> PredictedCotangents | None:
    rows, first = (read_parameter(parameters, name, int, "a whole number") for name in (PREDICTED_ROWS, GRADIENT_FROM))
    if rows is None and first is None:
        return None
    if rows is None or first is None or rows < 1 or (first != 0 and first < rows):
        raise BadInput(
            f"parameters: {PREDICTED_ROWS} is {rows} and {GRADIENT_FROM} is {first}; "
            f"expected both or none, with 1 <= {PREDICTED_ROWS} <= {GRADIENT_FROM}, or {GRADIENT_FROM} 0"
        )
    return PredictedCotangents(rows, first)


def _check_predicted(predicted: PredictedCotangents, segment: Segment, source: Array, cotangent: Array | None) -> None:
    if cotangent is not None:
        raise BadInput(f"there is a cotangent, and the parameter {PREDICTED_ROWS} too; expected one of them")
    if len(segment.sink.shape) != 1 or segment.sink.shape[0] == ANY:
        raise BadInput(
            f"{PREDICTED_ROWS}: {segment.sink.name!r} predicts no class; expected a sink of the shape [classes]"
        )
    if predicted.first_row >= len(source):
        raise BadInput(f"{GRADIENT_FROM} is {predicted.first_row}; expected less than {len(source)}, the rows")
    if predicted.rows > len(source):
        raise BadInput(f"{PREDICTED_ROWS} is {predicted.rows}; expected at most {len(source)}, the rows")


def _quote(names: Iterable[str]) -> str:
    return ", ".join(repr(name[:80]) for name in names) or "none"
