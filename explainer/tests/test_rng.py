import threading
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from captum_explainer import rng
from captum_explainer.rng import draw_alone, lend_generators

SEEDS = (3, 4)
TURNS = 50


def draw():
    return torch.rand(2).tolist() + np.random.rand(2).tolist()


def serial(seed):
    torch.manual_seed(seed)
    np.random.seed(seed)
    return [draw() for _ in range(TURNS)]


def in_turns(seed, meet):
    """Draw, and wait for the other thread wherever an explanation waits for the predictor."""
    drawn = []
    with draw_alone(seed):
        for _ in range(TURNS):
            drawn.append(draw())
            with lend_generators():
                meet.wait(5)
    return drawn


def both_at_once():
    meet, results = threading.Barrier(len(SEEDS)), {}

    def run(seed):
        results[seed] = in_turns(seed, meet)

    threads = [threading.Thread(target=run, args=(seed,)) for seed in SEEDS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [results[seed] for seed in SEEDS]


@pytest.fixture(autouse=True)
def _keep_generators():
    states = torch.get_rng_state(), np.random.get_state()
    yield
    torch.set_rng_state(states[0])
    np.random.set_state(states[1])


def test_threads_at_once_have_exactly_the_serial_draws():
    assert both_at_once() == [serial(seed) for seed in SEEDS]


def test_seeding_alone_is_not_enough(monkeypatch):
    # What the test above would miss if threads did not meet: without turns, they take each other's draws.
    monkeypatch.setattr(rng, "_generators", nullcontext())
    monkeypatch.setitem(globals(), "lend_generators", nullcontext)
    assert both_at_once() != [serial(seed) for seed in SEEDS]


def test_a_thread_that_does_not_draw_lends_nothing():
    with lend_generators():
        assert not rng._generators.locked()
    with draw_alone(1):
        assert rng._generators.locked()
        with lend_generators():
            assert not rng._generators.locked()
        assert rng._generators.locked()
    assert not rng._generators.locked()


def test_generators_are_given_back_after_an_error():
    def fail():
        with draw_alone(1), lend_generators():
            raise ValueError("the predictor is gone")

    with pytest.raises(ValueError, match="gone"):
        fail()
    assert not rng._generators.locked()
    with lend_generators():
        assert not rng._generators.locked()
