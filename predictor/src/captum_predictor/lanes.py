"""Lanes: worker threads that take chunks of rows from one bounded priority queue.

A chunk is the unit of work, small enough that what comes in meanwhile does not wait long: between two chunks the one
of the highest priority goes first.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import IntEnum

import torch
from captum_serving.errors import Overloaded

# On AVX2 mnist_cnn's bits differ between one and two threads under 12 rows; from 12 rows on they are the same for one
# to nine threads and differ from ten on (25 rows, torch 2.13), and a chunk of 25 rows gains little from so many. On
# AVX-512 they differ for a single row alone (see matrix_products.py).
FEWEST_ROWS_FOR_THREADS = 12
MOST_THREADS = 4


class Priority(IntEnum):
    """What waits is taken in this order, and in the order of arrival within one priority."""

    PREDICTION = 0
    EXPLANATION = 1


@dataclass(frozen=True)
class Chunk:
    """Some rows of a call, and what computes them; a row is `width` rows of a matrix product (a text's tokens)."""

    rows: int
    run: Callable[[], None]
    width: int = 1


@dataclass(eq=False)
class Call:
    """Chunks that are answered together; `done` resolves after the last, or fails with the first error."""

    unfinished: int
    done: Future[None] = field(default_factory=Future)


class Lanes:
    """`count` worker threads over a queue that holds at most `queue_rows` rows of each priority."""

    def __init__(self, count: int, queue_rows: int, cpus: int) -> None:
        self._queue_rows = queue_rows
        self._cpus = cpus
        self._lock = threading.Lock()
        self._heap: list[tuple[Priority, int, Call, Chunk]] = []
        self._arrivals = itertools.count()
        self._waiting_rows = dict.fromkeys(Priority, 0)
        self._idle: list[threading.Lock] = []
        self._busy = 0
        self._stopping = False
        self._threads = [threading.Thread(target=self._work, name=f"lane-{i}", daemon=True) for i in range(count)]
        for thread in self._threads:
            thread.start()

    def submit(self, chunks: Sequence[Chunk], priority: Priority) -> Call:
        """Put a call's chunks into the queue.

        Raises:
            Overloaded: The rows that wait already leave no room for these.
        """
        rows = sum(chunk.rows for chunk in chunks)
        call = Call(unfinished=len(chunks))
        call.done.set_running_or_notify_cancel()
        with self._lock:
            waiting = self._waiting_rows[priority]
            if waiting + rows > self._queue_rows:
                raise Overloaded(
                    f"{waiting} rows wait already, and with these {rows} it would be more than {self._queue_rows}; "
                    "try again in a moment"
                )
            self._waiting_rows[priority] += rows
            for chunk in chunks:
                heapq.heappush(self._heap, (priority, next(self._arrivals), call, chunk))
            for _ in range(min(len(chunks), len(self._idle))):
                # The lane that rested last: its caches and its OpenMP team are warm.
                self._idle.pop().release()
        return call

    def cancel(self, call: Call) -> None:
        """Take the call's waiting chunks out of the queue; those under way are finished, for nobody."""
        with self._lock:
            self._drop(call)

    def waiting_rows(self, priority: Priority) -> int:
        """Rows of this priority in the queue, without those under way."""
        return self._waiting_rows[priority]

    @property
    def count(self) -> int:
        """The lanes."""
        return len(self._threads)

    def busy(self) -> int:
        """Lanes that compute a chunk."""
        return self._busy

    def alive(self) -> bool:
        """Whether every lane takes work."""
        return not self._stopping and all(thread.is_alive() for thread in self._threads)

    def stop(self) -> None:
        """Finish what is in the queue, then end the threads."""
        with self._lock:
            self._stopping = True
            while self._idle:
                self._idle.pop().release()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        # The count is kept for each calling thread (OpenMP), but a thread's first operation sets it to the process-wide
        # one: that comes first here, so that it cannot undo what is set below.
        threads = torch.get_num_threads()
        bell = threading.Lock()
        bell.acquire()
        while (work := self._next(bell)) is not None:
            call, chunk, wanted = work
            if wanted != threads:
                torch.set_num_threads(wanted)
                threads = wanted
            self._run(call, chunk)

    def _next(self, bell: threading.Lock) -> tuple[Call, Chunk, int] | None:
        while True:
            with self._lock:
                if self._heap:
                    return self._take()
                if self._stopping:
                    return None
                self._idle.append(bell)
            bell.acquire()

    def _take(self) -> tuple[Call, Chunk, int]:
        priority, _, call, chunk = heapq.heappop(self._heap)
        self._waiting_rows[priority] -= chunk.rows
        self._busy += 1
        if chunk.rows * chunk.width < FEWEST_ROWS_FOR_THREADS:
            return call, chunk, 1
        sharing = min(len(self._threads), self._busy + len(self._heap))
        return call, chunk, max(1, min(self._cpus // sharing, MOST_THREADS))

    def _run(self, call: Call, chunk: Chunk) -> None:
        error: BaseException | None = None
        try:
            chunk.run()
        except BaseException as raised:
            error = raised
        with self._lock:
            self._busy -= 1
            call.unfinished -= 1
            finished = error is not None or call.unfinished == 0
            if error is not None:
                self._drop(call)
        if not finished or call.done.done():
            return
        if error is None:
            call.done.set_result(None)
        else:
            call.done.set_exception(error)

    def _drop(self, call: Call) -> None:
        kept = []
        for entry in self._heap:
            if entry[2] is call:
                self._waiting_rows[entry[0]] -= entry[3].rows
            else:
                kept.append(entry)
        heapq.heapify(kept)
        self._heap = kept
