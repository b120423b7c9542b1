"""Integrals of the gradient along straight paths: a quadrature's points, and the weighted sum of their gradients."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from captum_serving.errors import BadInput

from captum_predictor.engine.arrays import Array, Floats, is_finite


@dataclass(frozen=True)
class StraightPaths:
    """Path `i` leads from `starts[i]` to `ends[i]`.

    Attributes:
        starts: float32 [paths, *source shape].
        ends: Of the same shape.
        nodes: float32 [steps], the points' places on the way: 0 is the start, 1 the end.
        weights: float32 [steps], of the gradients at the points.
    """

    starts: Floats
    ends: Floats
    nodes: Floats
    weights: Floats

    @property
    def rows(self) -> int:
        """The points of all paths: point `k` of path `i` is row `k * paths + i`."""
        return len(self.starts) * len(self.nodes)

    def find_paths(self, part: slice) -> Array:
        """The path that each of some rows lies on."""
        return np.arange(part.start, part.stop) % len(self.starts)

    def put_points(self, part: slice, points: Floats) -> None:
        """Put some of the rows into `points`, float32 [rows, *source shape] in any layout.

        They have the bits of `start + node * (end - start)` in torch.

        Raises:
            BadInput: One overflows.
        """
        if len(self.starts) == 1:  # repeated for each point, without copies
            nodes, starts, ways = self.nodes[part], self.starts, self._ways
        else:
            nodes, on = self.nodes[np.arange(part.start, part.stop) // len(self.starts)], self.find_paths(part)
            starts, ways = self.starts[on], self._ways[on]
        with np.errstate(over="ignore", invalid="ignore"):
            np.multiply(nodes.reshape(-1, *[1] * (starts.ndim - 1)), ways, out=points)
            points += starts
        if not is_finite(points):
            raise BadInput("a path has points that overflow to infinity or NaN; expected smaller numbers")

    @cached_property
    def _ways(self) -> Floats:
        with np.errstate(over="ignore", invalid="ignore"):
            ways: Floats = self.ends - self.starts
        return ways


class Integral:
    """The weighted sum of a path's gradients, which whoever brings the last of them takes.

    `gradients` is float32 `[the path's rows, ...]`, to be filled in.
    """

    def __init__(self, path: StraightPaths, shape: tuple[int, ...]) -> None:
        self._path = path
        self.gradients: Floats = np.empty((path.rows, *shape), np.float32)
        self._missing = path.rows
        self._lock = threading.Lock()

    def count_arrived(self, rows: int) -> bool:
        """Take note that so many more gradients are there, and say whether that is all of them."""
        with self._lock:
            self._missing -= rows
            return self._missing == 0

    def sum(self) -> torch.Tensor:
        """The sum, flat, by torch's operation as Captum's own and so with its bits, whatever the number of threads.

        It may be taken once: the gradients are weighted where they lie.
        """
        weighted = self.gradients.reshape(len(self._path.nodes), -1)
        with np.errstate(over="ignore"):
            weighted *= self._path.weights.reshape(-1, 1)
        return torch.sum(torch.from_numpy(weighted), 0)
