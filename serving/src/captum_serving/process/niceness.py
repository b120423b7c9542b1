"""Lowers a thread's priority: explanations are bulk work, and give way to predictions and event loops."""

import os

# On busy CPUs, a thread with this niceness gets a tenth of the time that a normal thread gets.
NICENESS = 10


def step_back() -> None:
    """Lower the priority of the calling thread, and of threads that it starts later, such as its OpenMP team.

    On Linux each thread has its own niceness: the process's other threads keep theirs. This needs no privilege, and
    cannot be undone without one. In Kubernetes it orders the threads within a container; between containers their CPU
    requests decide.
    """
    os.nice(NICENESS)
