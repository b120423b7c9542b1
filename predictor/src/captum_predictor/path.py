"""Integrals of the gradient along straight paths: a quadrature's points, and the weighted sum of their gradients."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

Array = np.ndarray[Any, Any]
Floats = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True)
class StraightPath:
    """StraightPath `i` leads from `starts[i]` to row `i` of the source.

    Attributes:
        starts: float32 [paths, *source shape].
        nodes: float32 [steps], the points' places on the way: 0 is the start, 1 the end.
        weights: float32 [steps], of the gradients at the points.
    """

    starts: Floats
    nodes: Floats
    weights: Floats

    @property
    def rows(self) -> int:
        """The points of all paths: point `k` of path `i` is row `k * paths + i`."""
        return len(self.starts) * len(self.nodes)

    def of(self, part: slice) -> Array:
        """The path that each of some rows lies on."""
        return np.arange(part.start, part.stop) % len(self.starts)

    def points(self, ends: Array, part: slice) -> Floats:
        """Some of the rows, float32 [rows, *source shape], with the bits of `start + node * (end - start)` in torch."""
        on = self.of(part)
        nodes = self.nodes[np.arange(part.start, part.stop) // len(self.starts)]
        starts = self.starts[on]
        points: Floats = starts + nodes.reshape(-1, *[1] * (starts.ndim - 1)) * (ends[on] - starts)
        return points


class Integral:
    """The weighted sum of a path's gradients, `[paths, ...]`, which whoever brings the last of them takes.

    `gradients` is float32 `[the path's rows, ...]`, to be filled in.
    """

    def __init__(self, path: StraightPath, shape: tuple[int, ...]) -> None:
        self._path = path
        self.gradients: Floats = np.empty((path.rows, *shape), np.float32)
        self._missing = path.rows
        self._lock = threading.Lock()

    def is_last(self, rows: int) -> bool:
        """Whether all gradients are there, now that so many more are."""
        with self._lock:
            self._missing -= rows
            return self._missing == 0

    def sum(self) -> torch.Tensor:
        """The sum, by the operations of Captum's own and so with its bits, whatever the number of threads."""
        paths, steps = len(self._path.starts), len(self._path.nodes)
        gradients = torch.from_numpy(self.gradients).view(steps, -1)
        weighted = gradients * torch.tensor(self._path.weights).view(steps, 1)
        return weighted.sum(0).view(paths, *self.gradients.shape[1:])
