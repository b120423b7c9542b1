"""Lanes: worker threads that take chunks of rows from their priority's bounded queue.

Predictions have lanes of their own, and never wait for an explanation's chunk to end. The explanations' lanes are
niced, so that the scheduler always prefers predictions. They take no new chunk while predictions need the CPUs: niced
threads use up a container's CPU limit like any others.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import IntEnum

import torch
from captum_serving.errors import Overloaded, ServingError
from captum_serving.process.niceness import step_back

# On AVX2 mnist_cnn's bits differ between one and two threads under 12 rows; from 12 rows on they are the same for one
# to nine threads and differ from ten on (25 rows, torch 2.13), and a chunk of 25 rows gains little from that many. On
# AVX-512 they differ for a single row alone (see reproducible_sums.py).
FEWEST_ROWS_FOR_THREADS = 12
MOST_THREADS = 4


class Priority(IntEnum):
    """Lower values go first; within one priority, calls go in the order of their arrival."""

    PREDICTION = 0
    EXPLANATION = 1


@dataclass(frozen=True)
class Chunk:
    """Some rows of a call, and what computes them; a text's row has as many rows of a matrix product as tokens."""

    rows: int
    run: Callable[[], None]
    tokens_per_row: int = 1


@dataclass(eq=False)
class Call:
    """Chunks that are answered together; `done` resolves after the last, or fails with the first error.

    `settled` is true once a lane is about to resolve it.
    """

    unfinished: int
    settled: bool = False
    done: Future[None] = field(default_factory=Future)


@dataclass(eq=False)
class Queue:
    """The chunks that wait for the lanes of one priority.

    `rows` wait in all, without those under way; `busy` lanes compute; a bell wakes each `idle` one.
    """

    entries: deque[tuple[Call, Chunk]] = field(default_factory=deque)
    rows: int = 0
    busy: int = 0
    idle: list[threading.Lock] = field(default_factory=list)

    def count_wanted(self) -> int:
        """The lanes that would compute now, if there were enough of them."""
        return self.busy + len(self.entries)


class Lanes:
    """`count` worker threads for each priority, over a queue that holds at most `queue_rows` rows of it.

    The lanes that compute share the `cpus` evenly as threads. `queues` has the queue of each priority.
    """

    def __init__(self, count: int, queue_rows: int, cpus: int) -> None:
        self.count = count
        self._queue_rows = queue_rows
        self._cpus = cpus
        self._lock = threading.Lock()
        self.queues = {priority: Queue() for priority in Priority}
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._work, args=(priority,), name=f"{priority.name.lower()}-{i}", daemon=True)
            for priority in Priority
            for i in range(count)
        ]
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
        queue = self.queues[priority]
        with self._lock:
            if queue.rows + rows > self._queue_rows:
                raise Overloaded(
                    f"{queue.rows} rows wait already, and with these {rows} it would be more than {self._queue_rows}; "
                    "try again in a moment"
                )
            queue.rows += rows
            queue.entries.extend((call, chunk) for chunk in chunks)
            self._wake()
        return call

    def cancel(self, call: Call) -> None:
        """Take the call's waiting chunks out of the queue; chunks under way are finished, but not used."""
        with self._lock:
            self._drop(call)
            self._wake()

    def are_alive(self) -> bool:
        """Whether every lane takes work."""
        return not self._stopping and all(thread.is_alive() for thread in self._threads)

    def stop(self) -> None:
        """Finish what is in the queue, then end the threads."""
        with self._lock:
            self._stopping = True
            self._wake()
        for thread in self._threads:
            thread.join()

    def _work(self, priority: Priority) -> None:
        if priority is Priority.EXPLANATION:
            step_back()
        # The count is kept for each calling thread (OpenMP), but a thread's first operation sets it to the process-wide
        # one: that comes first here, so that it cannot undo what is set below.
        threads = torch.get_num_threads()
        queue = self.queues[priority]
        bell = threading.Lock()
        bell.acquire()
        while (work := self._wait_for_chunk(priority, bell)) is not None:
            call, chunk, wanted = work
            if wanted != threads:
                torch.set_num_threads(wanted)
                threads = wanted
            self._run(queue, call, chunk)
            del work, call, chunk  # a lane that rests would keep the call's arrays

    def _wait_for_chunk(self, priority: Priority, bell: threading.Lock) -> tuple[Call, Chunk, int] | None:
        queue = self.queues[priority]
        while True:
            with self._lock:
                if queue.entries and self._count_places(priority) > 0:
                    return self._take(queue)
                if self._stopping and not queue.entries:
                    return None
                queue.idle.append(bell)
            bell.acquire()

    def _count_places(self, priority: Priority) -> int:
        """How many more lanes of this priority may compute now."""
        first = 0 if priority is Priority.PREDICTION else self.queues[Priority.PREDICTION].count_wanted()
        return self.count - first - self.queues[priority].busy

    def _wake(self) -> None:
        for priority, queue in self.queues.items():
            wanted = len(queue.idle) if self._stopping else min(len(queue.entries), self._count_places(priority))
            for _ in range(min(wanted, len(queue.idle))):
                # The lane that rested last: its caches and its OpenMP team are warm.
                queue.idle.pop().release()

    def _take(self, queue: Queue) -> tuple[Call, Chunk, int]:
        """The next chunk, and the number of its threads."""
        call, chunk = queue.entries.popleft()
        queue.rows -= chunk.rows
        queue.busy += 1
        sharing = sum(each.count_wanted() for each in self.queues.values())
        if chunk.rows * chunk.tokens_per_row < FEWEST_ROWS_FOR_THREADS:
            return call, chunk, 1
        return call, chunk, max(1, min(self._cpus // min(self.count, sharing), MOST_THREADS))

    def _run(self, queue: Queue, call: Call, chunk: Chunk) -> None:
        error: BaseException | None = None
        try:
            chunk.run()
        except ServingError as raised:
            # Only its sentence is shown. The frames hold the call's arrays, and the call the error: a ring.
            error = raised.with_traceback(None)
            error.__context__ = None
        except BaseException as raised:
            error = raised
        with self._lock:
            queue.busy -= 1
            call.unfinished -= 1
            settles = not call.settled and (error is not None or call.unfinished == 0)
            call.settled |= settles
            if error is not None:
                self._drop(call)
            self._wake()
        if not settles:
            return
        if error is None:
            call.done.set_result(None)
        else:
            call.done.set_exception(error)

    def _drop(self, call: Call) -> None:
        for queue in self.queues.values():
            kept = deque(entry for entry in queue.entries if entry[0] is not call)
            if len(kept) < len(queue.entries):
                queue.rows -= sum(chunk.rows for other, chunk in queue.entries if other is call)
                queue.entries = kept
