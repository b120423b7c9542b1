"""A convolution of one channel: plain torch's values, and its gradient but for the last bits."""

import copy

import pytest
import torch
from captum_predictor.acceleration.one_channel_gradient import OneChannelConv2d, speed_up_one_channel
from torch import nn


def pair_of(*arguments, **options):
    """A convolution of one channel, and the same one made fast; both frozen."""
    torch.manual_seed(0)
    plain = nn.Conv2d(1, 7, *arguments, **options).eval().requires_grad_(False)
    fast = copy.deepcopy(plain)
    speed_up_one_channel(fast)
    return plain, fast


def value_and_gradient(convolution, rows):
    leaf = rows.clone().requires_grad_()
    value = convolution(leaf)
    cotangent = torch.linspace(-1, 2, value.numel(), dtype=rows.dtype).reshape(value.shape)
    return value.detach(), torch.autograd.grad(value, leaf, cotangent)[0]


@pytest.mark.parametrize("kernel", [1, 2, 3, (2, 5)])
@pytest.mark.parametrize("stride", [1, 2, (3, 1)])
@pytest.mark.parametrize("padding", ["same", "valid", 0, 1, (0, 1)])
@pytest.mark.parametrize("dilation", [1, (2, 1)])
def test_the_gradient_is_plain_torchs_in_float64(kernel, stride, padding, dilation):
    if (padding == "same" and stride != 1) or (kernel == 1 and padding == 1):
        stride, padding = 1, 0
    plain, fast = pair_of(kernel, stride, padding, dilation)
    assert isinstance(fast, OneChannelConv2d)
    rows = torch.rand(3, 1, 17, 13)
    value, gradient = value_and_gradient(fast, rows)
    expected, reference = value_and_gradient(plain.double(), rows.double())
    torch.testing.assert_close(gradient.double(), reference, rtol=0, atol=2e-6 * float(reference.abs().max()))
    torch.testing.assert_close(value.double(), expected, rtol=0, atol=2e-6)
    assert torch.equal(value, fast(rows))


@pytest.mark.parametrize(("channels", "kernel"), [(32, 3), (64, 2)])
def test_neither_rows_nor_threads_nor_the_cotangents_layout_change_a_bit(channels, kernel):
    convolution = nn.Conv2d(1, channels, kernel, padding="same").eval().requires_grad_(False)
    speed_up_one_channel(convolution)
    rows, cotangent = torch.rand(50, 1, 28, 28), torch.randn(50, channels, 28, 28)

    def gradient(at_once, threads, memory_format):
        torch.set_num_threads(threads)
        parts = zip(rows.split(at_once), cotangent.to(memory_format=memory_format).split(at_once), strict=True)
        leaves = [(part.clone().requires_grad_(), by) for part, by in parts]
        return torch.cat([torch.autograd.grad(convolution(leaf), leaf, by)[0] for leaf, by in leaves])

    before = torch.get_num_threads()
    try:
        expected = gradient(50, 1, torch.contiguous_format)
        for at_once, threads in ((25, 1), (25, 2), (17, 2), (12, 2), (1, 1)):
            assert torch.equal(gradient(at_once, threads, torch.channels_last), expected), (at_once, threads)
    finally:
        torch.set_num_threads(before)


def test_no_other_convolution_is_touched():
    class Own(nn.Conv2d):
        """Somebody's, which may compute something else."""

    hooked = nn.Conv2d(1, 4, 3)
    hooked.register_forward_hook(lambda module, inputs, output: output + 1)
    others = [
        hooked,
        nn.Conv2d(3, 4, 3),
        nn.Conv2d(1, 4, 3, padding=1, padding_mode="reflect"),
        Own(1, 4, 3),
        nn.Conv1d(1, 4, 3),
    ]
    types = [type(one) for one in others]
    speed_up_one_channel(nn.Sequential(*others))
    assert [type(one) for one in others] == types
