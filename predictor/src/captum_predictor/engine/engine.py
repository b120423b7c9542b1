"""The engine: a call's rows, split evenly into chunks that the lanes compute."""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from captum_serving.errors import BadInput

from captum_predictor.engine import chunk_metrics
from captum_predictor.engine.arrays import finite
from captum_predictor.engine.lanes import Chunk, Lanes, Priority
from captum_predictor.engine.memory_format import laid_out, room
from captum_predictor.engine.path_integral import Integral, StraightPaths
from captum_predictor.engine.run import run, run_with_gradient
from captum_predictor.graph.chain import ANY, MOST_ROWS, Segment

Array = np.ndarray[Any, Any]
Floats = np.ndarray[Any, np.dtype[np.float32]]

NOTHING: Mapping[str, Array] = {}


@dataclass(frozen=True)
class Answer:
    """The values `[rows, *stage shape]` that were asked for, by their stages' names, in the chain's order.

    `gradient` is `[rows, *the shape of what it is by]`, where it was asked for; of a path, `[paths, ...]`.
    """

    values: dict[str, Floats]
    gradient: Floats | None

    @property
    def value(self) -> Floats:
        """The last stage's."""
        return next(reversed(self.values.values()))


@dataclass(frozen=True)
class Predicted:
    """Rows whose cotangent is the class that the model predicts, which is known only when it has predicted.

    Row `i`, from `first` on, has a gradient: that of the largest output of row `(i - first) modulo rows`. With `first`
    0 all rows have one, the instances too; of a path its points have one, and point `i` of path `j` has row `j`'s.
    """

    rows: int
    first: int


@dataclass(frozen=True)
class Job:
    """One call: what is computed of which rows, and where the values `[rows, *stage shape]` are put."""

    segment: Segment
    differentiated: Segment
    source: Array
    beside: Mapping[str, Array]
    values: dict[str, Floats]
    path: StraightPaths | None = None

    def store(self, computed: Mapping[str, torch.Tensor], part: slice, done: Future[None]) -> None:
        """Put the values of some of the rows where they belong, and tell those that wait for them.

        Raises:
            BadInput: One overflows.
        """
        for name, rows in self.values.items():
            _store(computed[name], rows[part], name)
        done.set_result(None)

    def with_gradient(self, cotangent: Array | Predicted | None) -> slice:
        """The rows that have a gradient: the source's from some row on, or the points of the path."""
        if cotangent is None:
            return slice(len(self.source), len(self.source))
        if self.path is not None:
            return slice(0, self.path.rows)
        return slice(cotangent.first if isinstance(cotangent, Predicted) else 0, len(self.source))

    @property
    def along(self) -> Segment:
        """What the rows that have a gradient pass through: a path's not what is behind it, since no value is wanted."""
        if self.path is None:
            return self.segment
        end = self.segment.stages.index(self.differentiated.sink) + 1
        return replace(self.segment, stages=self.segment.stages[:end])

    def points(self, part: slice) -> tuple[Array, Mapping[str, Array]]:
        """Some of the rows that have a gradient, and what stands beside them, as the model takes them."""
        if self.path is None:
            return self.rows(part)
        points = room((part.stop - part.start, *self.source.shape[1:]))
        self.path.put_points(part, points)
        return points, {name: laid_out(array[self.path.of(part)]) for name, array in self.beside.items()}

    def rows(self, part: slice) -> tuple[Array, Mapping[str, Array]]:
        """Some of the source's rows, and what stands beside them, as the model takes them."""
        return laid_out(self.source[part]), {name: laid_out(array[part]) for name, array in self.beside.items()}

    def cotangent(
        self, given: Array | Predicted, under_way: Sequence[tuple[slice, Future[None]]], part: slice
    ) -> Array:
        """The cotangent of some of the rows that have a gradient, by their number among these.

        Waits until the values of those chunks `under_way` are computed that predict the rows' classes.

        Raises:
            BadInput: That failed.
        """
        if not isinstance(given, Predicted):
            return given[part if self.path is None else self.path.of(part)]
        predicting = np.arange(part.start, part.stop) % given.rows
        for chunk, done in under_way:
            if ((predicting >= chunk.start) & (predicting < chunk.stop)).any():
                done.result()
        scores = self.values[self.differentiated.sink.name]
        targets = scores[predicting].argmax(axis=1)
        one_hot: Floats = np.zeros((len(targets), scores.shape[1]), np.float32)
        one_hot[np.arange(len(targets)), targets] = 1.0
        return one_hot


def even_chunks(rows: int, most: int = MOST_ROWS, lanes: int = 1) -> list[slice]:
    """Split `rows` into the fewest slices of at most `most`, whose sizes differ by one at most.

    More than one are as many for each of the `lanes`, where there are so many rows: three would take two lanes the time
    of four.
    """
    if rows == 0:
        return []
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
        cotangent: Array | Predicted | None,
        priority: Priority,
        beside: Mapping[str, Array] = NOTHING,
        also: Collection[str] = (),
        differentiated: Segment | None = None,
        path: StraightPaths | None = None,
    ) -> Answer:
        """The segment's value for `source` `[rows, *source shape]`, and with a cotangent of the value's shape the VJP.

        `also` names stages of the segment whose values are wanted beside the sink's. The VJP is of `differentiated`, a
        part of the segment, where it is not of the whole; with a `path` to the source's rows, its integral. The tensors
        `beside` the source have its rows. Cancelled, it takes what still waits out of the queue.

        Raises:
            Overloaded: The queue is full.
            BadInput: The value or the gradient overflows, or there is no gradient.
        """
        differentiated = differentiated or segment
        shapes, kept = segment.shapes(source.shape[1:]), {segment.sink.name, differentiated.sink.name, *also}
        values = {
            stage.name: np.empty((len(source), *shapes[stage.name]), np.float32)
            for stage in segment.stages
            if stage.name in kept
        }
        job = Job(segment, differentiated, source, beside, values, path)
        gradient: Floats | None = None
        if cotangent is not None:
            with_gradient = job.with_gradient(cotangent)
            rows = with_gradient.stop - with_gradient.start if path is None else len(path.starts)
            gradient = np.empty((rows, *shapes[differentiated.source]), np.float32)
        chunks = self._chunks(job, cotangent, gradient)
        call = self.lanes.submit(chunks, priority)
        try:
            await asyncio.wrap_future(call.done)
        except asyncio.CancelledError:
            self.lanes.cancel(call)
            raise
        return Answer(values, gradient)

    def _chunks(self, job: Job, cotangent: Array | Predicted | None, gradient: Floats | None) -> list[Chunk]:
        """What computes a call's values, and then its gradient or its integral."""
        with_gradient = job.with_gradient(cotangent)
        chunks = list[Chunk]()
        # Those that predict come first: a lane takes a chunk that waits for them when they are under way already.
        under_way: list[tuple[slice, Future[None]]] = []
        for part in self._parts(job, 0, len(job.source) if job.path is not None else with_gradient.start):
            done = Future[None]()
            under_way.append((part, done))
            chunks.append(self._chunk(job, part, partial(self._values, job, part, done)))
        if cotangent is None or gradient is None:
            return chunks
        integral = None if job.path is None else Integral(job.path, gradient.shape[1:])
        gradients = gradient if integral is None else integral.gradients
        for part in self._parts(job, with_gradient.start, with_gradient.stop):
            done = Future[None]()
            if integral is None:
                under_way.append((part, done))
            behind = slice(part.start - with_gradient.start, part.stop - with_gradient.start)
            rows_of = partial(job.cotangent, cotangent, under_way[:], behind)
            work = partial(self._gradients, job, part, done, rows_of, gradients[behind])
            if integral is not None:
                work = partial(_integrate, work, part.stop - part.start, integral, gradient)
            chunks.append(self._chunk(job, part, work))
        return chunks

    def _parts(self, job: Job, begin: int, end: int) -> list[slice]:
        # Not so of pictures: a chunk of fewer than twelve rows has one thread, and may have other bits.
        lanes = self.lanes.count if ANY in job.segment.source_shape else 1
        parts = even_chunks(end - begin, job.segment.most_rows(job.source.shape[1:]), lanes)
        return [slice(begin + part.start, begin + part.stop) for part in parts]

    def _chunk(self, job: Job, part: slice, work: Callable[[], None]) -> Chunk:
        return Chunk(part.stop - part.start, work, job.segment.width(job.source.shape[1:]))

    def _values(self, job: Job, part: slice, done: Future[None]) -> None:
        begin = time.perf_counter()
        with _settling(done):
            source, beside = self._tensors(*job.rows(part))
            job.store(run(job.segment, source, beside, job.values), part, done)
        chunk_metrics.observe_chunk(time.perf_counter() - begin, with_gradient=False)

    def _gradients(
        self, job: Job, part: slice, done: Future[None], cotangent: Callable[[], Array], gradient: Floats
    ) -> None:
        begin = time.perf_counter()

        def cotangent_rows(computed: dict[str, torch.Tensor]) -> torch.Tensor:
            if job.path is None:
                job.store(computed, part, done)
            return self._tensor(laid_out(cotangent(), row_major=job.differentiated.wants_row_major))

        with _settling(done):
            source, beside = self._tensors(*job.points(part))
            kept = () if job.path is not None else job.values
            computed = run_with_gradient(job.along, job.differentiated, source, beside, cotangent_rows, kept)
            _store(computed, gradient, "gradient")
        chunk_metrics.observe_chunk(time.perf_counter() - begin, with_gradient=True)

    def _tensors(self, source: Array, beside: Mapping[str, Array]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        return self._tensor(source), {name: self._tensor(array) for name, array in beside.items()}

    def _tensor(self, rows: Array) -> torch.Tensor:
        tensor = torch.from_numpy(rows)
        return tensor if self._device == "cpu" else tensor.to(self._device)


def _integrate(work: Callable[[], None], rows: int, integral: Integral, gradient: Floats) -> None:
    """Compute some of an integral's gradients, and if they are the last of them, their sum."""
    work()
    if integral.arrived(rows):
        _store(integral.sum(), gradient.reshape(-1), "gradient")


@contextmanager
def _settling(done: Future[None]) -> Iterator[None]:
    """Tell those that wait for a chunk's values of its failure too."""
    try:
        yield
    except BaseException as error:
        if not done.done():
            done.set_exception(error)
        raise


def _store(computed: torch.Tensor, rows: Floats, name: str) -> None:
    # By NumPy: each operation of torch that takes hold of a tensor takes the interpreter's lock for it, thrice here.
    rows[...] = (computed if computed.dtype == torch.float32 else computed.float()).numpy(force=True)
    if not finite(rows):
        raise BadInput(f"{name} overflows to infinity or NaN for this input; expected smaller numbers")
