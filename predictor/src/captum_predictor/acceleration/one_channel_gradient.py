"""The gradient by a one-channel picture as a matrix product: saves a fifth of 25 rows' passes on fashion_cnn."""

from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from captum_predictor.acceleration.plain_modules import is_plain


class OneChannelConv2d(nn.Conv2d):
    """A frozen `nn.Conv2d` of one input channel: the same values, and the gradient by its input in a fifth of the time.

    oneDNN computes that gradient as a convolution with one output channel, which leaves a processor's vectors nearly
    empty: on fashion_cnn a quarter of the whole forward and backward pass. As the product of the cotangent and the
    weights, added up where windows overlap (im2col's transpose), it has other last bits: 6e-7 of the largest at most.
    """

    def forward(self, input: Tensor) -> Tensor:
        """The convolution `[rows, out channels, ...]` of `[rows, 1, height, width]`."""
        if not input.requires_grad:
            return super().forward(input)
        value: Tensor = _OneChannel.apply(input, self)  # type: ignore[no-untyped-call]
        return value

    @cached_property
    def columns(self) -> Tensor:
        """The weights as a matrix `[kernel height x width, out channels]`, made once: they are frozen."""
        return self.weight.flatten(1).T


class _OneChannel(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, convolution: OneChannelConv2d) -> Tensor:  # noqa: ANN401
        ctx.convolution, ctx.size = convolution, rows.shape[2:]
        return nn.Conv2d.forward(convolution, rows)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        convolution: OneChannelConv2d = ctx.convolution
        # The zeros on each side as torch itself computes them, also for "same" and "valid".
        left, right, top, bottom = convolution._reversed_padding_repeated_twice
        height, width = ctx.size
        # By torch's functions, where there is one: an operator or a method takes the interpreter's lock more often.
        columns = torch.matmul(convolution.columns, torch.flatten(cotangent, 2))
        folded = functional.fold(
            columns,
            (height + bottom - top, width + right - left),
            convolution.kernel_size,
            convolution.dilation,
            (top, left),
            convolution.stride,
        )
        return folded[:, :, :height, :width], None


def speed_up_one_channel(network: nn.Module) -> None:
    """Make every convolution of one channel in a frozen network a `OneChannelConv2d`, in place."""
    for module in network.modules():
        if is_plain(module, nn.Conv2d) and module.in_channels == 1 and module.padding_mode == "zeros":
            module.__class__ = OneChannelConv2d
