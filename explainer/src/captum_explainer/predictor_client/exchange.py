"""An exchange: one question to the predictor, about values of the model and their gradients, and its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import numpy as np

Array = np.ndarray[Any, Any]
Rows = np.ndarray[Any, np.dtype[np.float32]]

NOTHING: Mapping[str, Any] = MappingProxyType({})


class StraightPath(NamedTuple):
    """Straight paths to the first rows of a source, and the quadrature on them.

    `starts` are float32 [paths, *the source's shape]; `nodes` (0 at the start, 1 at the row) and `weights` float32
    [steps].
    """

    starts: Rows
    nodes: Rows
    weights: Rows

    @property
    def points(self) -> int:
        """The number of points on all paths together."""
        return len(self.starts) * len(self.nodes)


class Predicted(NamedTuple):
    """A cotangent that the predictor chooses: one-hot for the class that it predicts.

    Row `first + i` takes the class of row `i modulo rows`; the rows before `first` have no gradient. On a path, point
    `i` takes the class of the row that its path leads to.
    """

    sink: str
    rows: int
    first: int = 0


@dataclass(frozen=True)
class Derivative:
    """The gradients that are asked for with an exchange: cotangents^T · d sinks / d sources.

    Attributes:
        sources: The values to differentiate by. They may lie between the exchange's own sources and its sinks.
        cotangents: float32 [rows, *the sink's shape] by the sink's name; empty where the class is `predicted`.
        predicted: The predicted classes, instead of given cotangents.
        path: Asks for the gradient's integral along it: one row a path.
    """

    sources: tuple[str, ...]
    cotangents: Mapping[str, Rows] = field(default_factory=lambda: NOTHING)
    predicted: Predicted | None = None
    path: StraightPath | None = None

    @property
    def sinks(self) -> tuple[str, ...]:
        """The values that are differentiated."""
        return tuple(self.cotangents) if self.predicted is None else (self.predicted.sink,)


@dataclass(frozen=True)
class Exchange:
    """One question to the predictor.

    Attributes:
        sources: The values that are given, by name: [rows, *the source's shape]; the model's input is one.
        sinks: The values that are wanted.
        derivative: The gradients that are wanted with them.
        extra_inputs: What a text model takes beside its source, int64 [rows, tokens].
        differentiable: The caller may ask for a gradient of the sinks next.
    """

    sources: Mapping[str, Array]
    sinks: tuple[str, ...]
    derivative: Derivative | None = None
    extra_inputs: Mapping[str, Array] = field(default_factory=lambda: NOTHING)
    differentiable: bool = False

    @property
    def rows(self) -> int:
        """The number of rows of each source."""
        return len(next(iter(self.sources.values())))

    @property
    def points(self) -> int:
        """The number of points of the derivative's path; 0 without one."""
        return 0 if self.derivative is None or self.derivative.path is None else self.derivative.path.points

    def take_rows(self, rows: slice) -> Exchange:
        """The same exchange for some of the rows; its cotangents must be given, not predicted."""
        derivative = self.derivative
        if derivative is not None:
            assert derivative.predicted is None
            path = derivative.path and derivative.path._replace(starts=derivative.path.starts[rows])
            derivative = replace(derivative, cotangents=_slice(derivative.cotangents, rows), path=path)
        sources, extra_inputs = _slice(self.sources, rows), _slice(self.extra_inputs, rows)
        return replace(self, sources=sources, extra_inputs=extra_inputs, derivative=derivative)


@dataclass(frozen=True)
class Answer:
    """The answer to an exchange: float32 values by their sinks' names, and gradients by their sources' names."""

    values: Mapping[str, Rows]
    gradients: Mapping[str, Rows] = field(default_factory=lambda: NOTHING)


class Answerer(Protocol):
    """Whatever answers exchanges: a session with the predictor, or an answer book in front of one."""

    def answer(self, exchange: Exchange) -> Answer:
        """The sinks' values, and the gradients if there is a derivative."""
        ...


def _slice(tensors: Mapping[str, Array], rows: slice) -> dict[str, Array]:
    return {name: tensor[rows] for name, tensor in tensors.items()}
