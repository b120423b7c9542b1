"""What fails in a chunk: whose fault it is, what the client is told, and what stays in memory."""

import asyncio
import gc
import logging
import weakref

import numpy as np
import pytest
import torch
from captum_predictor.engine.lanes import Priority
from captum_predictor.engine.query import GivenCotangents, PredictedCotangents, Query
from captum_serving.errors import BadInput, Internal
from torch import nn


class Fragile(nn.Module):
    """Fails for a value over 1, in its forward or in its backward pass."""

    def __init__(self, backward):
        super().__init__()
        self.backward = backward

    def forward(self, rows):
        if (rows > 1).any():
            if not self.backward:
                raise IndexError(f"secret of the network: {rows}")
            rows = rows.clone()
            rows.register_hook(self.fail)
        return rows.flatten(1)

    def fail(self, gradient):
        raise ZeroDivisionError("secret of the network")


@pytest.fixture
def model(served_as):
    def make(backward=False):
        return served_as((1, 2, 2), fragile=Fragile(backward), logits=nn.Linear(4, 2))

    return make


def compute(engine, model, value, cotangents=None, rows=60):
    source = np.full((rows, 1, 2, 2), value, np.float32)
    segment = model.find_segment("image", None)
    return asyncio.run(engine.compute(Query(segment, source, Priority.PREDICTION, cotangents=cotangents)))


@pytest.mark.parametrize(
    ("backward", "cotangents", "kind"),
    [
        (False, None, "IndexError"),
        (False, GivenCotangents(np.ones((60, 2), np.float32)), "IndexError"),
        (False, PredictedCotangents(1, 30), "IndexError"),
        (True, GivenCotangents(np.ones((60, 2), np.float32)), "ZeroDivisionError"),
    ],
)
def test_a_network_that_fails_is_a_sentence_and_the_log_says_where(engine, model, caplog, backward, cotangents, kind):
    with caplog.at_level(logging.ERROR), pytest.raises(Internal) as raised:
        compute(engine, model(backward), 2.0, cotangents)
    sentence = f"the network failed for this input ({kind}); the predictor's log says where"
    assert str(raised.value) == sentence
    assert "secret of the network" in caplog.text
    assert "Traceback" in caplog.text
    assert compute(engine, model(backward), 0.5)["logits"].shape == (60, 2)


def test_a_request_that_fails_leaves_nothing_behind(engine, served_as):
    model = served_as((1, 2, 2), flatten=nn.Flatten(), logits=nn.Linear(4, 2))
    with torch.no_grad():
        model.stages[-1].module.weight.fill_(3e38)
    segment = model.find_segment("image", None)

    async def fail():
        source = np.full((60, 1, 2, 2), 3e38, np.float32)
        try:
            await engine.compute(Query(segment, source, Priority.PREDICTION))
        except BadInput as error:
            return weakref.ref(source), error.sentence

    async def fail_and_look():
        source, sentence = await fail()
        await asyncio.sleep(0.1)  # the lane returns
        return source(), sentence

    gc.disable()
    try:
        source, sentence = asyncio.run(fail_and_look())
        assert "overflows" in sentence
        assert source is None
    finally:
        gc.enable()
