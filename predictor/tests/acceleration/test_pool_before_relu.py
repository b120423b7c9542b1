"""A ReLU behind its max-pool: the values and gradients of the stages as they stand, with fewer numbers."""

import numpy as np
import pytest
import torch
from captum_predictor.engine.run import run, run_with_gradient
from torch import nn

POOLS = {
    "a half": ((6, 12, 12), nn.MaxPool2d(2)),
    "overlapping, padded": ((6, 11, 13), nn.MaxPool2d(3, stride=2, padding=1)),
    "ceiling": ((6, 11, 13), nn.MaxPool2d((2, 3), ceil_mode=True)),
    "dilated": ((6, 11, 13), nn.MaxPool2d(2, dilation=2)),
    "one dimension": ((6, 15), nn.MaxPool1d(3, stride=2, padding=1)),
    "three dimensions": ((6, 7, 7, 7), nn.MaxPool3d((2, 2, 3))),
}


def plainly(modules, source, cotangent):
    leaf = source.clone().requires_grad_()
    value = leaf
    for module in modules:
        value = module(value)
    return value.detach(), torch.autograd.grad(value, leaf, cotangent(value))[0]


def few_numbers(shape, seed=0):
    """Of -2 to 2 in halves, so that most windows have a tie for the largest, and many have nothing above zero."""
    return torch.from_numpy(np.random.default_rng(seed).integers(-4, 4, shape).astype(np.float32) / 2)


@pytest.mark.parametrize(
    "source", [few_numbers, lambda shape: torch.randn(shape), lambda shape: few_numbers(shape) - 2]
)
@pytest.mark.parametrize("kind", POOLS)
def test_value_and_gradient_are_plain_torchs_bit_for_bit(kind, source, served_as):
    shape, pool = POOLS[kind]
    torch.manual_seed(0)
    rows = source((5, *shape))
    model = served_as(shape, relu=nn.ReLU(), pool=pool, flatten=nn.Flatten(), again=nn.ReLU())
    segment = model.find_segment("image", None)
    noise = torch.Generator().manual_seed(1)
    value, gradient = plainly(
        [stage.module for stage in model.stages], rows, lambda value: torch.randn(value.shape, generator=noise)
    )
    noise.manual_seed(1)
    answer = run_with_gradient(segment, segment, rows, {}, lambda _: torch.randn(value.shape, generator=noise))
    assert torch.equal(run(segment, rows, {})["again"], value)
    assert torch.equal(answer, gradient)
    for part in ("relu", "pool"):  # each alone, and both where the ReLU's value is wanted
        up_to = model.find_segment("image", part)
        expected = plainly([stage.module for stage in up_to.stages], rows, torch.ones_like)
        values = run(model.find_segment("image", "pool"), rows, {}, ["relu"])
        assert torch.equal(run(up_to, rows, {})[part], expected[0])
        assert torch.equal(values[part], expected[0])
        assert torch.equal(
            run_with_gradient(up_to, up_to, rows, {}, lambda _, e=expected[0]: torch.ones_like(e)), expected[1]
        )


def test_the_pool_comes_first_unless_the_relus_value_is_wanted(served_as):
    least = []
    pool = nn.MaxPool2d(2)
    model = served_as((3, 8, 8), convolution=nn.Conv2d(3, 4, 1), relu=nn.ReLU(), pool=pool, flatten=nn.Flatten())
    pool.register_forward_hook(lambda module, inputs, output: least.append(float(inputs[0].detach().min())))
    segment, rows = model.find_segment("image", None), torch.randn(2, 3, 8, 8)
    run(segment, rows, {})
    run(segment, rows, {}, ["relu"])
    run_with_gradient(segment, segment, rows, {}, lambda values: torch.ones_like(values["flatten"]))
    run(model.find_segment("relu", None), torch.randn(2, 4, 8, 8).relu(), {})
    assert [number < 0 for number in least] == [True, False, True, False]


def test_a_window_of_nothing_but_padding_stays_what_it_is(served_as):
    modules = {"relu": nn.ReLU(), "pool": nn.MaxPool1d(2, padding=1, dilation=4)}
    rows = torch.rand(2, 1, 3)
    assert torch.equal(nn.Sequential(*modules.values())(rows), torch.full((2, 1, 1), -torch.inf))
    segment = served_as((1, 3), **modules).find_segment("image", None)
    assert torch.equal(run(segment, rows, {})["pool"], torch.full((2, 1, 1), -torch.inf))
