"""Random draws of one's own, under threads.

Captum draws from torch's and NumPy's process-wide generators, so two explanations at once would take each other's
draws. Here they take turns: whoever computes holds the generators with states of its own, and lends them out while it
waits for the predictor, which is where nearly all of an explanation's time goes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

_generators = threading.Lock()
_thread = threading.local()


@contextmanager
def draw_alone(seed: int) -> Iterator[None]:
    """Inside, this thread's draws are those of a process that was seeded with `seed` and does nothing else."""
    with _generators:
        # torch.manual_seed draws the same, and takes 100 us to seed the generators of GPUs too.
        torch.default_generator.manual_seed(seed)
        np.random.seed(seed)
        _thread.drawing = True
        try:
            yield
        finally:
            _thread.drawing = False


@contextmanager
def lend_generators() -> Iterator[None]:
    """Inside, other explanations may draw; afterwards this thread goes on with the states that it left."""
    if not getattr(_thread, "drawing", False):
        yield
        return
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()
    _generators.release()
    try:
        yield
    finally:
        _generators.acquire()
        torch.set_rng_state(torch_state)
        np.random.set_state(numpy_state)
