"""The engine: a call's rows, split evenly into chunks that the lanes compute."""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from captum_serving.errors import BadInput

from captum_predictor import observation
from captum_predictor.lanes import Chunk, Lanes, Priority
from captum_predictor.segments import ANY, MOST_ROWS, Segment, run, run_with_gradient

Array = np.ndarray[Any, Any]
Floats = np.ndarray[Any, np.dtype[np.float32]]

NOTHING: Mapping[str, Array] = {}


@dataclass(frozen=True)
class Answer:
    """The sink's value `[rows, *sink shape]`, and where it was asked for the gradient `[rows, *source shape]`."""

    value: Floats
    gradient: Floats | None


def even_chunks(rows: int, most: int = MOST_ROWS, lanes: int = 1) -> list[slice]:
    """Split `rows` into the fewest slices of at most `most`, whose sizes differ by one at most.

    More than one are as many for each of the `lanes`, where there are so many rows: three would take two lanes the time
    of four.
    """
    count = math.ceil(rows / most)
    if count > 1:
        count = min(rows, math.ceil(count / lanes) * lanes)
    ends = [rows * i // count for i in range(count + 1)]
    return [slice(begin, end) for begin, end in itertools.pairwise(ends)]


class Engine:
    """Computes segments on the lanes; `device` is where the stages' modules are."""

    def __init__(self, lanes: Lanes, device: str) -> None:
        self.lanes = lanes
        self._device = device

    async def compute(
        self,
        segment: Segment,
        source: Array,
        cotangent: Array | None,
        priority: Priority,
        beside: Mapping[str, Array] = NOTHING,
    ) -> Answer:
        """The segment's value for `source` `[rows, *source shape]`, and with a cotangent of the value's shape the VJP.

        The tensors `beside` the source have its rows. Cancelled, it takes what still waits out of the queue.

        Raises:
            Overloaded: The queue is full.
            BadInput: The value or the gradient overflows, or there is no gradient.
        """
        rows, shape = len(source), source.shape[1:]
        value = np.empty((rows, *segment.sink_shape(shape)), np.float32)
        gradient = None if cotangent is None else np.empty((rows, *shape), np.float32)
        work = partial(self._compute_chunk, segment, source, beside, cotangent, value, gradient)
        # Not so of pictures: a chunk of fewer than twelve rows has one thread, and may have other bits.
        lanes = self.lanes.count if ANY in segment.source_shape else 1
        chunks = [
            Chunk(part.stop - part.start, partial(work, part), segment.width(shape))
            for part in even_chunks(rows, segment.most_rows(shape), lanes)
        ]
        call = self.lanes.submit(chunks, priority)
        try:
            await asyncio.wrap_future(call.done)
        except asyncio.CancelledError:
            self.lanes.cancel(call)
            raise
        return Answer(value, gradient)

    def _compute_chunk(
        self,
        segment: Segment,
        source: Array,
        beside: Mapping[str, Array],
        cotangent: Array | None,
        value: Floats,
        gradient: Floats | None,
        part: slice,
    ) -> None:
        begin = time.perf_counter()
        source_rows = self._tensor(source[part])
        beside_rows = {name: self._tensor(array[part]) for name, array in beside.items()}
        if cotangent is None or gradient is None:
            _store(run(segment, source_rows, beside_rows), value[part], segment.sink.name)
        else:
            cotangent_rows = self._tensor(cotangent[part], row_major=segment.wants_row_major)
            value_rows, gradient_rows = run_with_gradient(segment, source_rows, beside_rows, cotangent_rows)
            _store(value_rows, value[part], segment.sink.name)
            _store(gradient_rows, gradient[part], "gradient")
        observation.observe_chunk(time.perf_counter() - begin, with_gradient=cotangent is not None)

    def _tensor(self, rows: Array, row_major: bool = False) -> torch.Tensor:
        # One copy: from the body's bytes, which are read-only and may be unaligned, into the layout of the model.
        dtype = np.int64 if rows.dtype == np.int64 else np.float32
        if rows.ndim == 4 and not row_major:
            count, channels, height, width = rows.shape
            layout = np.empty((count, height, width, channels), dtype).transpose(0, 3, 1, 2)
        else:
            layout = np.empty(rows.shape, dtype)
        layout[...] = rows
        return torch.from_numpy(layout).to(self._device)


def _store(computed: torch.Tensor, rows: Floats, name: str) -> None:
    torch.from_numpy(rows).copy_(computed)
    if not finite(rows):
        raise BadInput(f"{name} overflows to infinity or NaN for this input; expected smaller numbers")


def finite(array: Array) -> bool:
    """Whether a float array holds neither NaN nor infinity; two passes without a temporary array."""
    return array.size == 0 or bool(np.isfinite(array.min()) and np.isfinite(array.max()))
