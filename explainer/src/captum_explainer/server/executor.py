"""Runs blocking work in threads, outside the event loop: limited in number, and never past its deadline."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch
from captum_serving.errors import Overloaded, release_frames
from captum_serving.process.niceness import step_back

from captum_explainer.deadline import Deadline
from captum_explainer.server.metrics import UNFINISHED

T = TypeVar("T")

# The thread's own error is more precise, so it may come a little late.
GRACE_SECONDS = 0.5


class BatchExecutor:
    """Runs `threads` pieces of work at once and queues at most `waiting` more; `bulk` work runs at a lower priority."""

    def __init__(self, name: str, threads: int, waiting: int, *, bulk: bool = False) -> None:
        self._most = threads + waiting
        self._unfinished = 0
        self._lock = threading.Lock()
        self._gauge = UNFINISHED.labels(name)
        self._threads = ThreadPoolExecutor(threads, name, initializer=_start_thread, initargs=(bulk,))

    async def run(self, work: Callable[[], T], deadline: Deadline) -> T:
        """Do `work` in a thread. The deadline holds whatever the thread does; cancelling this cancels the deadline.

        Raises:
            Overloaded: Too much work is waiting already.
            DeadlineExceeded: It was not done in time.
        """
        if self._unfinished >= self._most:
            raise Overloaded(f"{self._unfinished} requests are under way or waiting; try again later")
        try:
            async with asyncio.timeout(deadline.seconds + GRACE_SECONDS):
                return await self._submit(work, deadline)
        except TimeoutError:
            raise deadline.make_error() from None
        except asyncio.CancelledError:
            deadline.cancel()
            raise

    def _submit(self, work: Callable[[], T], deadline: Deadline) -> asyncio.Future[T]:
        # No frame that an error passes may hold the future, as asyncio.wait_for's does: see release_frames.
        self._add_unfinished(1)
        future = self._threads.submit(_work_in_time, work, deadline)
        future.add_done_callback(lambda _: self._add_unfinished(-1))
        return asyncio.wrap_future(future)

    def _add_unfinished(self, more: int) -> None:
        with self._lock:
            self._unfinished += more
            self._gauge.set(self._unfinished)


def _work_in_time(work: Callable[[], T], deadline: Deadline) -> T:
    deadline.check()
    try:
        return work()
    except BaseException as error:
        release_frames(error)
        raise


def _start_thread(bulk: bool) -> None:
    # The explainer's own tensors are small, and torch's threads would use the predictor's cores.
    torch.set_num_threads(1)
    if bulk:
        step_back()
