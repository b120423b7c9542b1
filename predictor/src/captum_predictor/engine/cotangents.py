"""The cotangents of the rows that have a gradient: given, or the class that the model predicts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from captum_predictor.engine.arrays import Array, Floats


class Cotangents(Protocol):
    """What each row's gradient is multiplied by."""

    @property
    def first(self) -> int:
        """The first row that has a gradient; all rows after it have one too."""

    def select(self, rows: slice | Array, compute_scores: Callable[[Array], Floats]) -> Array:
        """The cotangents `[rows, *sink shape]` of some rows, which are counted from the first that has one.

        `compute_scores` waits for the sink's values `[rows, classes]` of the source's rows with these numbers.
        """


@dataclass(frozen=True)
class GivenCotangents:
    """Cotangents that the request holds, float32 `[rows, *sink shape]`, or of paths `[paths, *sink shape]`."""

    values: Array
    first: int = 0

    def select(self, rows: slice | Array, _compute_scores: Callable[[Array], Floats]) -> Array:
        """These rows' own."""
        selected: Array = self.values[rows]
        return selected


@dataclass(frozen=True)
class PredictedCotangents:
    """Cotangents that are 1 for the class that the model predicts, which is known only when it has predicted.

    Row `i`, from `first` on, has the gradient of the largest output of row `(i - first) modulo rows`. With `first` 0
    all rows have one, the instances too. Of paths the points have one, and those of path `j` have row `j`'s.
    """

    rows: int
    first: int

    def select(self, rows: slice | Array, compute_scores: Callable[[Array], Floats]) -> Array:
        """A one-hot row for each: 1 for the predicted class."""
        numbers = np.arange(rows.start, rows.stop) if isinstance(rows, slice) else rows
        scores = compute_scores(numbers % self.rows)
        one_hot: Floats = np.zeros(scores.shape, np.float32)
        one_hot[np.arange(len(scores)), scores.argmax(axis=1)] = 1.0
        return one_hot
