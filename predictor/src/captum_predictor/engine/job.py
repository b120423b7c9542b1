"""One call's rows: what is computed for them, and where their values are put."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace

import numpy as np
import torch
from captum_serving.errors import BadInput

from captum_predictor.engine.arrays import Array, Floats, is_finite
from captum_predictor.engine.memory_format import allocate_rows, lay_out
from captum_predictor.engine.query import Query
from captum_predictor.graph.chain import Segment

# Some of a call's rows, and what is resolved when their values are there.
UnderWay = tuple[slice, Future[None]]


@dataclass(frozen=True)
class Job:
    """A query whose values `[rows, *stage shape]` are put into `values`, and its gradient into `gradient`."""

    query: Query
    differentiated: Segment
    values: dict[str, Floats]
    gradient: Floats | None

    @classmethod
    def allocate(cls, query: Query) -> Job:
        """Make the job for a query, with memory for its values and its gradient."""
        segment, rows = query.segment, len(query.source)
        differentiated = query.differentiated or segment
        shapes = segment.compute_shapes(query.source.shape[1:])
        kept = {segment.sink.name, differentiated.sink.name, *query.wanted}
        names = [stage.name for stage in segment.stages if stage.name in kept]
        values = {name: np.empty((rows, *shapes[name]), np.float32) for name in names}
        if query.cotangents is None:
            return cls(query, differentiated, values, None)
        rows = rows - query.cotangents.first_row if query.paths is None else len(query.paths.starts)
        return cls(query, differentiated, values, np.empty((rows, *shapes[differentiated.source]), np.float32))

    @property
    def rows_with_gradient(self) -> slice:
        """The source's rows from some row on, or the points of the paths."""
        if self.query.cotangents is None:
            return slice(len(self.query.source), len(self.query.source))
        if self.query.paths is not None:
            return slice(0, self.query.paths.rows)
        return slice(self.query.cotangents.first_row, len(self.query.source))

    @property
    def segment_with_gradient(self) -> Segment:
        """What the rows that have a gradient pass through.

        A path's points stop at the sink that is differentiated: no value behind it is wanted.
        """
        segment = self.query.segment
        if self.query.paths is None:
            return segment
        end = segment.stages.index(self.differentiated.sink) + 1
        return replace(segment, stages=segment.stages[:end])

    def read_rows(self, part: slice) -> tuple[Array, Mapping[str, Array]]:
        """Read some of the source's rows and their extra inputs, in the model's memory format."""
        extra_inputs = {name: lay_out(array[part]) for name, array in self.query.extra_inputs.items()}
        return lay_out(self.query.source[part]), extra_inputs

    def read_rows_with_gradient(self, part: slice) -> tuple[Array, Mapping[str, Array]]:
        """Read some of the rows that have a gradient and their extra inputs, in the model's memory format."""
        paths = self.query.paths
        if paths is None:
            return self.read_rows(part)
        points = allocate_rows((part.stop - part.start, *self.query.source.shape[1:]))
        paths.put_points(part, points)
        return points, {name: lay_out(array[paths.find_paths(part)]) for name, array in self.query.extra_inputs.items()}

    def select_cotangents(self, under_way: Sequence[UnderWay], part: slice) -> Array:
        """Select the cotangents of some of the rows that have a gradient, by their number among these.

        For the predicted class, this waits for the chunks `under_way` that compute the rows' scores.

        Raises:
            BadInput: Such a chunk failed.
        """
        cotangents = self.query.cotangents
        assert cotangents is not None, "only rows that have a gradient ask"

        def compute_scores(rows: Array) -> Floats:
            for chunk, done in under_way:
                if ((rows >= chunk.start) & (rows < chunk.stop)).any():
                    done.result()
            return self.values[self.differentiated.sink.name][rows]

        selected = part if self.query.paths is None else self.query.paths.find_paths(part)
        return lay_out(cotangents.select(selected, compute_scores), row_major=self.differentiated.wants_row_major)

    def store(self, computed: Mapping[str, torch.Tensor], part: slice, done: Future[None]) -> None:
        """Store some rows' values, and wake the chunks that wait for them.

        Raises:
            BadInput: One overflows.
        """
        for name, rows in self.values.items():
            store(computed[name], rows[part], name)
        done.set_result(None)


def store(computed: torch.Tensor, rows: Floats, name: str) -> None:
    """Copy a tensor into rows of float32.

    Raises:
        BadInput: A number overflows.
    """
    # By NumPy: each operation of torch that takes hold of a tensor takes the interpreter's lock for it, thrice here.
    rows[...] = (computed if computed.dtype == torch.float32 else computed.float()).numpy(force=True)
    if not is_finite(rows):
        raise BadInput(f"{name} overflows to infinity or NaN for this input; expected smaller numbers")
