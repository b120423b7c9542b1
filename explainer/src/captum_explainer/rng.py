"""Repeatable random draws when several explanations run in threads.

Captum draws from torch's and NumPy's process-wide generators, so two explanations at once would disturb each other's
draws. Here they take turns: an explanation holds the generators with its own state while it computes, and lends them
out while it waits for the predictor, which is most of its time.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

_generators = threading.Lock()
_thread = threading.local()


@contextmanager
def draw_alone(seed: int) -> Iterator[None]:
    """Within, this thread draws as if it were alone in a process seeded with `seed`."""
    with _generators:
        # torch.manual_seed gives the same draws, but takes 100 us because it seeds the generators of GPUs too.
        torch.default_generator.manual_seed(seed)
        np.random.seed(seed)
        _thread.drawing = True
        try:
            yield
        finally:
            _thread.drawing = False


@contextmanager
def lend_generators() -> Iterator[None]:
    """Within, other explanations may draw; afterwards this thread continues with its own state."""
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
