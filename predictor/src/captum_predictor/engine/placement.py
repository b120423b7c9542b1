"""A CPU for each lane while all of them compute, where the lanes are as many as the CPUs of the process."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

# A chunk that waited for so long, and so many times as long as it computed, has met somebody on its CPU who does not
# give way: the wait for the interpreter's lock, or for another chunk's values, is shorter.
MOST_WAITING_SECONDS, MOST_WAITING_TIMES = 0.01, 3
AWAY_SECONDS = 10.0


def home_of(lane: int, lanes: int, cpus: int) -> int | None:
    """The CPU for a lane, where there are as many that the process may run on and use up, and several; else None."""
    places = sorted(os.sched_getaffinity(0))
    return places[lane] if 1 < lanes == cpus == len(places) else None


class Placement:
    """Where a lane's thread, which makes it, may run.

    Lanes wake one another by the interpreter's lock, often onto the CPU of the one that wakes; the system leaves the
    other CPU idle rather than move a thread for less than half a millisecond. On two CPUs half of the idle time, a
    fourteenth of all, was of that. So a lane stays at home while all lanes compute. Where somebody else takes that CPU,
    it stays away for some seconds: it may hold the interpreter's lock, for which everything else would wait.
    """

    def __init__(self, home: int | None) -> None:
        self._home = None if home is None else {home}
        self._at_home = False
        self._away_until = 0.0

    def go_home(self) -> None:
        """Stay at home from now on, where there is one and nobody else takes it."""
        if self._home is None or self._at_home or time.monotonic() < self._away_until:
            return
        try:
            os.sched_setaffinity(0, self._home)
        except OSError:  # the process's CPUs are others by now
            self._home = None
        else:
            self._at_home = True

    def leave(self) -> None:
        """Go wherever the process may."""
        if self._at_home:
            # The main thread's, since those of the process may be others by now.
            os.sched_setaffinity(0, os.sched_getaffinity(os.getpid()))
            self._at_home = False

    def run(self, work: Callable[[], None]) -> None:
        """Run a chunk's work; where somebody else has the CPU at home, leave."""
        if not self._at_home:
            work()
            return
        begin, begin_cpu = time.perf_counter(), time.thread_time()
        work()
        computed = time.thread_time() - begin_cpu
        waited = time.perf_counter() - begin - computed
        if waited > max(MOST_WAITING_SECONDS, MOST_WAITING_TIMES * computed):
            self._away_until = time.monotonic() + AWAY_SECONDS
            self.leave()
