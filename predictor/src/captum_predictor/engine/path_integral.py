"""Integrals of the gradient along straight paths: the quadrature's points, and the weighted sum of their gradients."""

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
        weights: float32 [steps], for the gradients at the points.
    """

    starts: Floats
    ends: Floats
    nodes: Floats
    weights: Floats

    @property
    def rows(self) -> int:
        """The number of points on all paths; point `k` of path `i` is row `k * paths + i`."""
        return len(self.starts) * len(self.nodes)

    def find_paths(self, part: slice) -> Array:
        """The number of the path that each row lies on."""
        return np.arange(part.start, part.stop) % len(self.starts)

    def put_points(self, part: slice, points: Floats) -> None:
        """Write some of the rows into `points`, float32 [rows, *source shape] in any layout.

        They have the same bits as `start + node * (end - start)` in torch.

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
    """The weighted sum of the gradients on paths; the lane that adds the last gradient takes the sum.

    `gradients` is float32 `[the path's rows, ...]`, to be filled in.
    """

    def __init__(self, path: StraightPaths, shape: tuple[int, ...]) -> None:
        self._path = path
        self.gradients: Floats = np.empty((path.rows, *shape), np.float32)
        self._missing = path.rows
        self._lock = threading.Lock()

    def count_arrived(self, rows: int) -> bool:
        """Count gradients that are there now; true when all of them are."""
        with self._lock:
            self._missing -= rows
            return self._missing == 0

    def sum(self) -> torch.Tensor:
        """The sum, flat. It is computed by `torch.sum` as in Captum, with the same bits for any number of threads.

        It may be called only once: the gradients are weighted in place.
        """
        weighted = self.gradients.reshape(len(self._path.nodes), -1)
        with np.errstate(over="ignore"):
            weighted *= self._path.weights.reshape(-1, 1)
        return torch.sum(torch.from_numpy(weighted), 0)
