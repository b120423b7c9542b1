"""A convolution of one channel and its ReLU as one: the bits of the two, and one tensor less."""

import pytest
import torch
from captum_predictor.acceleration.one_channel_gradient import Rectified, speed_up_one_channel
from captum_predictor.engine.run import run, run_with_gradient
from captum_predictor.graph.chain import Chain
from captum_predictor.model.architectures import use_channels_last
from torch import nn

ROWS = (5, 1, 12, 10)


@pytest.fixture(params=[(6, 3), (16, 1), (32, 5)], ids=["3x3", "1x1", "5x5"])
def model(request, served_as):
    torch.manual_seed(0)
    channels, kernel = request.param
    modules = {
        "conv1": nn.Conv2d(1, channels, kernel, padding="same"),
        "relu1": nn.ReLU(),
        "conv2": nn.Conv2d(channels, 4, 3),
        "relu2": nn.ReLU(),
        "flatten": nn.Flatten(),
        "logits": nn.Linear(4 * 10 * 8, 3),
    }
    network = nn.ModuleDict(modules).eval().requires_grad_(False)
    use_channels_last(network)
    speed_up_one_channel(network)
    return served_as(ROWS[1:], **modules)


@pytest.fixture
def used(monkeypatch):
    """Counts the passes through a convolution and its ReLU as one."""
    passes = []
    forward = Rectified.forward
    monkeypatch.setattr(Rectified, "forward", lambda *arguments: passes.append(1) or forward(*arguments))
    return passes


def assert_same_bits(found, expected):
    assert torch.equal(found.contiguous().view(torch.int32), expected.contiguous().view(torch.int32))


def plainly(modules, source, cotangent):
    leaf = value = source.clone().requires_grad_()
    for module in modules:
        value = module(value)
    return value.detach(), torch.autograd.grad(value, leaf, cotangent)[0]


@pytest.mark.parametrize("sink", ["conv2", "relu2", "logits"])
def test_value_and_gradient_are_those_of_the_two_bit_for_bit(model, used, sink):
    segment, rows = Chain(model).segment("image", sink), torch.randn(ROWS)
    rows[0], rows[1, 0, 3, 3], rows[2, 0, 3, 3] = 0, torch.nan, -torch.inf
    cotangent = torch.randn(len(rows), *segment.sink.shape)
    value, gradient = plainly([stage.module for stage in segment.stages], rows, cotangent)
    assert_same_bits(run_with_gradient(segment, segment, rows, {}, lambda _: cotangent), gradient)
    assert_same_bits(run(segment, rows, {})[sink], value)
    assert len(used) == 2


@pytest.mark.parametrize("kept", [["conv1"], ["relu1"], ["conv1", "relu1"]])
def test_values_that_are_wanted_are_those_of_the_two(model, used, kept):
    segment, rows = Chain(model).segment("image", None), torch.randn(ROWS)
    seen = {}

    def cotangent(values):
        seen.update(values)
        return torch.ones_like(values["logits"])

    gradient = run_with_gradient(segment, segment, rows, {}, cotangent, kept)
    assert_same_bits(gradient, plainly([stage.module for stage in segment.stages], rows, torch.ones(len(rows), 3))[1])
    stages = {stage.name: stage.module for stage in segment.stages}
    convolved = stages["conv1"](rows)
    by_name = {"conv1": convolved, "relu1": convolved.relu()}
    for name in kept:
        assert torch.equal(seen[name], by_name[name])
    assert len(used) == (0 if "conv1" in kept else 1)


def test_a_gradient_that_somebody_else_gave_is_left_as_it_is(model, used):
    for sink in ("relu1", "conv1"):
        segment, rows = Chain(model).segment("image", sink), torch.randn(ROWS)
        given = torch.randn(len(rows), *segment.sink.shape).contiguous(memory_format=torch.channels_last)
        before = given.clone()
        gradient = run_with_gradient(segment, segment, rows, {}, lambda _, given=given: given)
        assert torch.equal(given, before)
        assert_same_bits(gradient, plainly([stage.module for stage in segment.stages], rows, given)[1])
    assert not used


def test_the_gradient_is_written_over(model):
    rows = torch.randn(ROWS, requires_grad=True)
    value = model.stages[0].module.rectified(rows)
    given = torch.empty_like(value).normal_()
    expected = torch.where(value > 0, given, 0)
    torch.autograd.grad(value, rows, given)
    assert torch.equal(given, expected)
