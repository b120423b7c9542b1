"""What the engine is asked to compute."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from captum_predictor.engine.arrays import Array, Floats
from captum_predictor.engine.lanes import Priority
from captum_predictor.engine.path_integral import StraightPaths
from captum_predictor.graph.chain import Segment


class Cotangents(Protocol):
    """What each row's gradient is multiplied by."""

    @property
    def first_row(self) -> int:
        """The first row that has a gradient; all rows after it have one too."""

    def select(self, rows: slice | Array, compute_scores: Callable[[Array], Floats]) -> Array:
        """The cotangents `[rows, *sink shape]` of some rows, which are counted from the first that has one.

        `compute_scores` waits for the sink's values `[rows, classes]` of the source's rows with these numbers.
        """


@dataclass(frozen=True)
class GivenCotangents:
    """Cotangents from the request, float32 `[rows, *sink shape]`, or of paths `[paths, *sink shape]`."""

    values: Array
    first_row: int = 0

    def select(self, rows: slice | Array, _compute_scores: Callable[[Array], Floats]) -> Array:
        """These rows' own."""
        selected: Array = self.values[rows]
        return selected


@dataclass(frozen=True)
class PredictedCotangents:
    """Cotangents that are 1 for the predicted class, which is known only after the model has predicted.

    Row `i`, from `first_row` on, gets the gradient of the largest output of row `(i - first_row) modulo rows`. With
    `first_row` 0 every row has a gradient. On paths only the points have one, and all points of path `j` use row `j`'s
    class.
    """

    rows: int
    first_row: int

    def select(self, rows: slice | Array, compute_scores: Callable[[Array], Floats]) -> Array:
        """A one-hot row for each: 1 for the predicted class."""
        numbers = np.arange(rows.start, rows.stop) if isinstance(rows, slice) else rows
        scores = compute_scores(numbers % self.rows)
        one_hot: Floats = np.zeros(scores.shape, np.float32)
        one_hot[np.arange(len(scores)), scores.argmax(axis=1)] = 1.0
        return one_hot


@dataclass(frozen=True)
class Query:
    """Asks for a segment's values and, with cotangents, for a gradient. Arrays are finite and have the stages' dtypes.

    Attributes:
        segment: From the source to the last stage whose value is wanted.
        source: `[rows, *source shape]`.
        priority: Predictions go first.
        extra_inputs: By name, with the source's rows.
        wanted: The stages whose values are wanted, besides the sink's.
        cotangents: None if no gradient is wanted.
        differentiated: The part of the segment whose gradient is wanted; None: the whole.
        paths: Paths that end at the source's rows; the gradient is then the integral along each.
    """

    segment: Segment
    source: Array
    priority: Priority
    extra_inputs: Mapping[str, Array] = field(default_factory=dict)
    wanted: Collection[str] = ()
    cotangents: Cotangents | None = None
    differentiated: Segment | None = None
    paths: StraightPaths | None = None
