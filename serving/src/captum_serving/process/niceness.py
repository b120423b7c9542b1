"""Explanations are bulk work: the system's scheduler lets the threads of predictions and of event loops go first."""

import ctypes
import os
import platform
import struct
from contextlib import suppress

# Where others take all there is, a tenth of what a thread of theirs gets.
NICENESS = 10
SLICE_NANOSECONDS = 10_000_000  # the usual ones are of 0.7 to 4 ms, by the number of CPUs

# By the machine; neither Python nor glibc before 2.41 has a function for it.
SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}
SCHED_FLAG_KEEP_POLICY = 0x08


def step_back() -> None:
    """Nice the calling thread and those that it will start, such as its OpenMP team; the process's others stay.

    So it is on Linux, where niceness is a thread's own. It needs no privilege, and cannot be taken back without one. In
    Kubernetes it orders the threads of one container; between containers their CPU requests decide.
    """
    os.nice(NICENESS)
    _interrupt_nobody()
    _take_long_slices()


def _interrupt_nobody() -> None:
    """Let this thread, when it wakes, leave the processor to whoever has it (SCHED_BATCH, sched(7)).

    As it comes, what wakes with some of its share left interrupts a thread that has had a little more than its own,
    niced or not, and goes on until a tick. A policy that somebody else chose stays, as all does where it is refused.
    """
    with suppress(OSError):
        if os.sched_getscheduler(0) == os.SCHED_OTHER:
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _take_long_slices() -> None:
    """Let whatever wakes with a shorter time slice, and so everybody else, interrupt this thread.

    As it comes, Linux lets a thread go on until its next tick, every 4 ms or so, even where it is niced and what
    wakes is not. Now it does so only where what wakes has had its share. A thread's own slice changes nothing in its
    share of the time (sched_setattr(2), from Linux 6.12 on; before, and where it is refused, all stays as it is).
    """
    number = SCHED_SETATTR.get(platform.machine())
    if number is None:
        return
    size, niceness = 48, os.getpriority(os.PRIO_PROCESS, 0)
    attributes = struct.pack("=IIQiIQQQ", size, 0, SCHED_FLAG_KEEP_POLICY, niceness, 0, SLICE_NANOSECONDS, 0, 0)
    ctypes.CDLL(None).syscall(number, 0, attributes, 0)
