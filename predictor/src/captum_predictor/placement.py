"""A CPU for each lane while all of them compute, where the lanes are as many as the CPUs of the process."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

# A chunk that waited so much longer than it computed has met somebody on its CPU who does not give way.
MOST_WAITING_SECONDS, MOST_TIMES = 0.01, 4
AWAY_SECONDS = 10.0


def home_of(lane: int, lanes: int, cpus: int) -> int | None:
    """The CPU for a lane, where there are as many that the process may run on and use up; else None."""
    places = sorted(os.sched_getaffinity(0))
    return places[lane] if lanes == cpus == len(places) else None


class Placement:
    """Where a lane's thread, which makes it, may run.

    Lanes wake one another by the interpreter's lock, often onto the CPU of the one that wakes; the system leaves the
    other CPU idle rather than move a thread for less than half a millisecond. On two CPUs that took a seventh of their
    time. So a lane stays at home while all lanes compute. Where somebody else takes that CPU, it stays away for some
    seconds: it may hold the interpreter's lock, for which everything else would wait.
    """

    def __init__(self, home: int | None) -> None:
        self._anywhere = self._place = os.sched_getaffinity(0)
        self._home = None if home is None else {home}
        self._away_until = 0.0

    def run(self, work: Callable[[], None], crowded: bool) -> None:
        """Run a chunk's work, at home where it is `crowded`: where all lanes compute."""
        self._go(self._home if crowded and time.monotonic() >= self._away_until else None)
        begin, begin_cpu = time.perf_counter(), time.thread_time()
        work()
        took, computed = time.perf_counter() - begin, time.thread_time() - begin_cpu
        if self._place is self._home and took > max(MOST_TIMES * computed, computed + MOST_WAITING_SECONDS):
            self._away_until = time.monotonic() + AWAY_SECONDS

    def _go(self, home: set[int] | None) -> None:
        place = home or self._anywhere
        if place is self._place:
            return
        try:
            os.sched_setaffinity(0, place)
        except OSError:  # the process's CPUs are others by now
            self._home = None
        else:
            self._place = place
