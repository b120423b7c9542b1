"""Calls that wait, are cancelled, find no room, or fail, while others are under way."""

import asyncio
import threading

import numpy as np
import pytest
from captum_predictor.engine.engine import Engine
from captum_predictor.engine.lanes import Lanes, Priority
from captum_predictor.engine.query import PredictedCotangents, Query
from captum_serving.errors import BadInput, Overloaded
from torch import nn


class Gated(nn.Module):
    """Holds a lane until it is opened, from the first chunk on that comes in after it was shut."""

    def __init__(self):
        super().__init__()
        self.open = threading.Event()
        self.open.set()
        self.entered = threading.Event()
        self.seen = []

    def forward(self, inputs):
        self.seen.append(float(inputs.flatten()[0]))
        self.entered.set()
        assert self.open.wait(20)
        return inputs


@pytest.fixture
def gated(served_as):
    lanes = Lanes(1, 100, 2)
    gate = Gated()
    segment = served_as((2,), gate=gate).find_segment("image", None)
    gate.seen.clear()
    gate.entered.clear()
    gate.open.clear()
    yield Engine(lanes, "cpu"), segment, gate
    gate.open.set()
    lanes.stop()


def rows_of(value, rows):
    return np.full((rows, 2), value, np.float32)


def test_a_prediction_is_computed_while_an_explanations_chunk_is_under_way(gated):
    engine, segment, gate = gated

    async def scenario():
        explanation = asyncio.ensure_future(engine.compute(Query(segment, rows_of(1, 75), Priority.EXPLANATION)))
        await asyncio.to_thread(gate.entered.wait, 20)
        gate.entered.clear()
        prediction = asyncio.ensure_future(engine.compute(Query(segment, rows_of(2, 1), Priority.PREDICTION)))
        await asyncio.to_thread(gate.entered.wait, 20)
        assert gate.seen == [1, 2]
        gate.open.set()
        await asyncio.gather(explanation, prediction)

    asyncio.run(scenario())
    assert gate.seen == [1, 2, 1, 1]


def test_a_cancelled_call_is_taken_out_of_the_queue(gated):
    engine, segment, gate = gated

    async def scenario():
        call = asyncio.ensure_future(engine.compute(Query(segment, rows_of(1, 75), Priority.EXPLANATION)))
        await asyncio.to_thread(gate.entered.wait, 20)
        assert engine.lanes.queues[Priority.EXPLANATION].rows == 50
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert engine.lanes.queues[Priority.EXPLANATION].rows == 0
        gate.open.set()
        await engine.compute(Query(segment, rows_of(2, 1), Priority.PREDICTION))

    asyncio.run(scenario())
    assert gate.seen == [1, 2]


def test_a_full_queue_is_overload(gated):
    engine, segment, gate = gated

    async def scenario():
        held = asyncio.ensure_future(engine.compute(Query(segment, rows_of(1, 1), Priority.PREDICTION)))
        await asyncio.to_thread(gate.entered.wait, 20)
        waiting = asyncio.ensure_future(engine.compute(Query(segment, rows_of(2, 100), Priority.PREDICTION)))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await engine.compute(Query(segment, rows_of(3, 1), Priority.PREDICTION))
        gate.open.set()
        await asyncio.gather(held, waiting)

    asyncio.run(scenario())
    assert gate.seen == [1, 2, 2, 2, 2]


@pytest.mark.parametrize("count", [1, 2])
def test_a_gradient_does_not_wait_for_scores_that_failed(count, served_as):
    scale = Scaled()
    segment = served_as((2,), scale=scale).find_segment("image", None)
    if count > 1:
        scale.beside.clear()
    lanes = Lanes(count, 100, 2)
    rows = np.concatenate([rows_of(1e38, 1), rows_of(1, 60)])
    try:
        engine = Engine(lanes, "cpu")
        call = engine.compute(Query(segment, rows, Priority.EXPLANATION, cotangents=PredictedCotangents(1, 1)))
        with pytest.raises(BadInput, match="overflows"):
            asyncio.run(asyncio.wait_for(call, 10))
        call = engine.compute(Query(segment, rows[1:], Priority.EXPLANATION, cotangents=PredictedCotangents(1, 1)))
        answer = asyncio.run(asyncio.wait_for(call, 10))
        np.testing.assert_array_equal(answer["gradient"], [[10, 0]] * 59)
    finally:
        stop_or_fail(lanes)


class Scaled(nn.Module):
    """Ten times its input; where that overflows, not before the other lane is at work beside it."""

    def __init__(self):
        super().__init__()
        self.beside = threading.Event()

    def forward(self, inputs):
        if inputs.max() < 1e37:
            self.beside.set()
        assert self.beside.wait(10)
        return 10 * inputs


def stop_or_fail(lanes):
    """Stop the lanes, or fail: a lane that waits for ever would keep the test from its end."""
    stopping = threading.Thread(target=lanes.stop, daemon=True)
    stopping.start()
    stopping.join(5)
    assert not stopping.is_alive()
