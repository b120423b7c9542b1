"""The engine: a call's rows, split evenly into chunks that the lanes compute."""

import asyncio
import itertools
import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial

import torch
from captum_serving.errors import Internal, ServingError
from captum_serving.protocol.extension_names import GRADIENT

from captum_predictor.acceleration.arrange import arrange_fast
from captum_predictor.engine.arrays import Array, Floats
from captum_predictor.engine.chunk_metrics import CHUNK_SECONDS
from captum_predictor.engine.job import Job, UnderWay, store
from captum_predictor.engine.lanes import Chunk, Lanes
from captum_predictor.engine.path_integral import Integral
from captum_predictor.engine.query import Query
from captum_predictor.engine.run import run, run_with_gradient
from captum_predictor.graph.chain import ANY, MOST_ROWS
from captum_predictor.graph.stages import arrange_in_order

logger = logging.getLogger("captum_predictor")


def split_evenly(rows: int, most: int = MOST_ROWS, lanes: int = 1) -> list[slice]:
    """Split `rows` into the fewest slices of at most `most`, whose sizes differ by one at most.

    More than one slice are rounded up to a multiple of `lanes`, if there are enough rows: two lanes take as long for
    three slices as for four.
    """
    if rows == 0:
        return []
    count = math.ceil(rows / most)
    if count > 1:
        count = min(rows, math.ceil(count / lanes) * lanes)
    ends = [rows * i // count for i in range(count + 1)]
    return [slice(begin, end) for begin, end in itertools.pairwise(ends)]


class Engine:
    """Computes segments on the lanes.

    `device` is where the stages' modules are. Without `accelerate` the stages run in their own order.
    """

    def __init__(self, lanes: Lanes, device: str, *, accelerate: bool = True) -> None:
        self.lanes = lanes
        self._device = device
        self._arrange = arrange_fast if accelerate else arrange_in_order

    async def compute(self, query: Query) -> dict[str, Floats]:
        """Compute what a query asks for. When it is cancelled, it takes its waiting chunks out of the queue.

        Returns:
            The values `[rows, *stage shape]` by their stages' names, in the chain's order; and the gradient, if one is
            asked for, by the name `gradient`: `[rows, *shape of the differentiated source]`, or for paths
            `[paths, ...]`.

        Raises:
            Overloaded: The queue is full.
            BadInput: The value or the gradient overflows, or there is no gradient.
            Internal: The network itself failed.
        """
        job = Job.allocate(query)
        call = self.lanes.submit(self._make_chunks(job), query.priority)
        done = asyncio.wrap_future(call.done)
        try:
            await done
        except asyncio.CancelledError:
            self.lanes.cancel(call)
            raise
        finally:
            del call, done  # an error holds this frame, and these would hold the error: a ring, with the job's arrays
        return job.values if job.gradient is None else job.values | {GRADIENT: job.gradient}

    def _make_chunks(self, job: Job) -> list[Chunk]:
        """Make the chunks that compute a call's values, and then its gradient or its integral."""
        paths, with_gradient = job.query.paths, job.rows_with_gradient
        chunks = list[Chunk]()
        # Chunks that predict come first: when a lane takes a chunk that waits for them, they are under way already.
        under_way: list[UnderWay] = []
        for part in self._split(job, 0, len(job.query.source) if paths is not None else with_gradient.start):
            done = Future[None]()
            under_way.append((part, done))
            chunks.append(self._make_chunk(job, part, partial(self._compute_values, job, part, done)))
        if job.gradient is None:
            return chunks
        integral = None if paths is None else Integral(paths, job.gradient.shape[1:])
        gradients = job.gradient if integral is None else integral.gradients
        for part in self._split(job, with_gradient.start, with_gradient.stop):
            done = Future[None]()
            if integral is None:
                under_way.append((part, done))
            behind = slice(part.start - with_gradient.start, part.stop - with_gradient.start)
            select_cotangents = partial(job.select_cotangents, under_way[:], behind)
            work = partial(self._compute_gradients, job, part, done, select_cotangents, gradients[behind])
            if integral is not None:
                work = partial(_integrate, work, part.stop - part.start, integral, job.gradient)
            chunks.append(self._make_chunk(job, part, work))
        return chunks

    def _split(self, job: Job, begin: int, end: int) -> list[slice]:
        segment = job.query.segment
        # Pictures are not spread over the lanes: chunks of fewer than twelve rows have one thread and maybe other bits.
        lanes = self.lanes.count if ANY in segment.source_shape else 1
        parts = split_evenly(end - begin, segment.limit_rows(job.query.source.shape[1:]), lanes)
        return [slice(begin + part.start, begin + part.stop) for part in parts]

    def _make_chunk(self, job: Job, part: slice, work: Callable[[], None]) -> Chunk:
        return Chunk(part.stop - part.start, work, job.query.segment.count_tokens(job.query.source.shape[1:]))

    def _compute_values(self, job: Job, part: slice, done: Future[None]) -> None:
        with _observe(done, "value"):
            source, extra_inputs = self._to_tensors(*job.read_rows(part))
            job.store(run(job.query.segment, source, extra_inputs, job.values, self._arrange), part, done)

    def _compute_gradients(
        self, job: Job, part: slice, done: Future[None], select_cotangents: Callable[[], Array], gradient: Floats
    ) -> None:
        def cotangent_rows(computed: dict[str, torch.Tensor]) -> torch.Tensor:
            if job.query.paths is None:
                job.store(computed, part, done)
            return self._to_tensor(select_cotangents())

        with _observe(done, "gradient"):
            source, extra_inputs = self._to_tensors(*job.read_rows_with_gradient(part))
            kept = () if job.query.paths is not None else job.values
            segment = job.segment_with_gradient
            computed = run_with_gradient(
                segment, job.differentiated, source, extra_inputs, cotangent_rows, kept, self._arrange
            )
            store(computed, gradient, GRADIENT)

    def _to_tensors(
        self, source: Array, extra_inputs: Mapping[str, Array]
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        return self._to_tensor(source), {name: self._to_tensor(array) for name, array in extra_inputs.items()}

    def _to_tensor(self, rows: Array) -> torch.Tensor:
        tensor = torch.from_numpy(rows)
        return tensor if self._device == "cpu" else tensor.to(self._device)


def _integrate(work: Callable[[], None], rows: int, integral: Integral, gradient: Floats) -> None:
    """Compute some of an integral's gradients, and the sum if they are the last ones."""
    work()
    if integral.count_arrived(rows):
        store(integral.sum(), gradient.reshape(-1), GRADIENT)


@contextmanager
def _observe(done: Future[None], computed: str) -> Iterator[None]:
    """Count a chunk's time; if it fails, pass the error to the chunks that wait for its values.

    Raises:
        ServingError: What the chunk raised; `Internal` in place of an error that is not one of ours.
    """
    begin = time.perf_counter()
    try:
        yield
    except ServingError as error:
        _fail(done, error)
        raise
    except Exception as error:
        logger.exception("the network failed")
        failure = Internal(
            f"the network failed for this input ({type(error).__name__}); the predictor's log says where"
        )
        _fail(done, failure)
        raise failure from None
    CHUNK_SECONDS.labels(computed).observe(time.perf_counter() - begin)


def _fail(done: Future[None], error: ServingError) -> None:
    if not done.done():
        done.set_exception(error)
