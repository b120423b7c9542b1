"""With and without acceleration a model computes the same, but for the last bits."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
import torch
from captum_predictor.engine.engine import Engine
from captum_predictor.engine.lanes import Priority
from captum_predictor.engine.query import GivenCotangents, Query
from captum_predictor.graph.stages import arrange_in_order
from captum_predictor.model.directory import load_model
from torch import nn

MODELS = Path(__file__).parents[3] / "models"
ROWS = 30
TOLERANCE = 1e-5


@pytest.fixture
def computed_by(lanes_of):
    """Computes the value and the gradient of a shipped model, one way or the other."""

    def compute(name, accelerate):
        model = load_model(MODELS / name, accelerate=accelerate)
        engine = Engine(lanes_of(2, cpus=2), "cpu", accelerate=accelerate)
        images = np.random.default_rng(0).random((ROWS, 1, 28, 28), np.float32)
        cotangent = np.random.default_rng(1).standard_normal((ROWS, 10), np.float32)
        segment = model.find_segment(model.input_name, None)
        answer = asyncio.run(
            engine.compute(Query(segment, images, Priority.EXPLANATION, cotangents=GivenCotangents(cotangent)))
        )
        return answer["logits"], answer["gradient"]

    return compute


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_both_ways_agree(name, computed_by):
    for fast, plain in zip(computed_by(name, True), computed_by(name, False), strict=True):
        np.testing.assert_allclose(fast, plain, rtol=0, atol=TOLERANCE * np.abs(plain).max())


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_without_acceleration_the_networks_own_modules_run_in_their_own_order(name):
    model = load_model(MODELS / name, accelerate=False)
    own = {nn.Conv2d, nn.Linear, nn.ReLU, nn.MaxPool2d, nn.Flatten, nn.Dropout}
    assert {type(stage.module) for stage in model.stages} <= own
    steps = arrange_in_order(model.stages, ())
    assert [step.compute for step in steps] == [stage.module for stage in model.stages]
    assert [step.gives for step in steps] == [stage.name for stage in model.stages]


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_without_acceleration_the_bits_are_plain_torchs(name, computed_by):
    model = load_model(MODELS / name, accelerate=False)
    images = torch.from_numpy(np.random.default_rng(0).random((ROWS, 1, 28, 28), np.float32))
    cotangent = torch.from_numpy(np.random.default_rng(1).standard_normal((ROWS, 10), np.float32))
    value, gradient = computed_by(name, False)
    begin = 0
    for size in (ROWS // 2, ROWS // 2):  # the engine's chunks
        part = slice(begin, begin + size)
        leaf = images[part].contiguous(memory_format=torch.channels_last).requires_grad_()
        expected = nn.Sequential(*(stage.module for stage in model.stages))(leaf)
        (reference,) = torch.autograd.grad(expected, leaf, cotangent[part])
        assert np.array_equal(value[part], expected.detach())
        assert np.array_equal(gradient[part], reference)
        begin += size


@pytest.mark.parametrize("accelerate", [True, False])
def test_the_engine_calls_every_module_in_its_order_only_without_acceleration(accelerate, lanes_of):
    model = load_model(MODELS / "mnist", accelerate=accelerate)
    called = []
    for stage in model.stages:
        stage.module.register_forward_hook(lambda *_, name=stage.name: called.append(name))
    engine = Engine(lanes_of(), "cpu", accelerate=accelerate)
    segment = model.find_segment(model.input_name, None)
    images, cotangents = np.zeros((1, 1, 28, 28), np.float32), GivenCotangents(np.ones((1, 10), np.float32))
    names = [stage.name for stage in model.stages]
    for query in (
        Query(segment, images, Priority.PREDICTION),
        Query(segment, images, Priority.PREDICTION, cotangents=cotangents),
    ):
        called.clear()
        asyncio.run(engine.compute(query))
        assert (called == names) is not accelerate
