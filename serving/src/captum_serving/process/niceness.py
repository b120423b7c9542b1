"""Explanations are bulk work: the system's scheduler lets the threads of predictions and of event loops go first."""

import os
from contextlib import suppress

# Where others take all there is, a tenth of what a thread of theirs gets.
NICENESS = 10


def step_back() -> None:
    """Nice the calling thread and those that it will start, such as its OpenMP team; the process's others stay.

    So it is on Linux, where niceness is a thread's own. It needs no privilege, and cannot be taken back without one. In
    Kubernetes it orders the threads of one container; between containers their CPU requests decide.
    """
    os.nice(NICENESS)
    _interrupt_nobody()


def _interrupt_nobody() -> None:
    """Let this thread, when it wakes, leave the processor to whoever has it (SCHED_BATCH, sched(7)).

    As it comes, what wakes with some of its share left interrupts a thread that has had a little more than its own,
    niced or not, and goes on until a tick. A policy that somebody else chose stays, as all does where it is refused.
    """
    with suppress(OSError):
        if os.sched_getscheduler(0) == os.SCHED_OTHER:
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
