"""Explanations are bulk work: the system's scheduler lets the threads of predictions and of event loops go first."""

import os

# If others use all the CPU time, a thread of this niceness gets a tenth of what one of theirs gets.
NICENESS = 10


def step_back() -> None:
    """Nice the calling thread and those that it will start, such as its OpenMP team; the process's other threads stay.

    On Linux niceness is a thread's own. It needs no privilege, and cannot be taken back without one. In Kubernetes it
    orders the threads of one container; between containers their CPU requests decide.
    """
    os.nice(NICENESS)
