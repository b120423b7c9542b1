"""A remote segment: a module whose forward and backward passes the predictor computes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from captum_explainer.predictor_client.exchange import Answerer, Derivative, Exchange, Rows


class RemoteSegment(nn.Module):
    """The part of the model between `sources` and `sinks`, which the predictor computes.

    Its forward pass is an exchange for the sinks' values, its backward pass one for the gradients by the sources.
    """

    def __init__(
        self,
        answerer: Answerer,
        sources: Sequence[str],
        sinks: Sequence[str],
        gradient_format: torch.memory_format = torch.channels_last,
    ) -> None:
        super().__init__()
        self.answerer = answerer
        self.sources = tuple(sources)
        self.sinks = tuple(sinks)
        self.gradient_format = gradient_format
        # LayerDeepLift hooks tensors that must require a gradient, also where the input of the model does not.
        self.anchor = nn.Parameter(torch.zeros(()))

    def forward(self, *rows: Tensor) -> Tensor | tuple[Tensor, ...]:
        """The sinks' values [rows, *the sink's shape] for the sources' [rows, *the source's shape]; of one sink alone.

        Raises:
            ServingError: The predictor fails.
        """
        values: tuple[Tensor, ...] = _Remote.apply(self, self.anchor, *rows)  # type: ignore[no-untyped-call]
        return values[0] if len(self.sinks) == 1 else values


class _Remote(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, segment: RemoteSegment, anchor: Tensor, *rows: Tensor) -> tuple[Tensor, ...]:  # noqa: ANN401
        ctx.set_materialize_grads(False)
        ctx.segment = segment
        ctx.rows = dict(zip(segment.sources, map(_to_numpy, rows), strict=True))
        differentiable = any(ctx.needs_input_grad[2:])
        answer = segment.answerer.answer(Exchange(ctx.rows, segment.sinks, differentiable=differentiable))
        return tuple(_to_tensor(answer.values[name], torch.channels_last) for name in segment.sinks)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *cotangents: Tensor | None) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        segment: RemoteSegment = ctx.segment
        wanted = [name for name, needed in zip(segment.sources, ctx.needs_input_grad[2:], strict=True) if needed]
        given = {
            name: _to_numpy(cotangent)
            for name, cotangent in zip(segment.sinks, cotangents, strict=True)
            if cotangent is not None
        }
        if not wanted or not given:
            return (None,) * (2 + len(segment.sources))
        derivative = Derivative(tuple(wanted), given)
        answer = segment.answerer.answer(Exchange(ctx.rows, tuple(given), derivative))
        gradients = (
            _to_tensor(answer.gradients[name], segment.gradient_format) if name in wanted else None
            for name in segment.sources
        )
        return (None, None, *gradients)


def _to_numpy(tensor: Tensor) -> Rows:
    return np.ascontiguousarray(tensor.detach().numpy(), dtype=np.float32)


def _to_tensor(array: Rows, memory_format: torch.memory_format) -> Tensor:
    # In process the tensors of an image network are channels_last, and the order in memory is the order in which
    # Captum's sums over them are taken (Grad-CAM's means): it decides their last bits.
    tensor = torch.empty(array.shape, memory_format=memory_format if array.ndim == 4 else torch.contiguous_format)
    # A copy, since the array is a read-only view of the answer's body, and Captum's hooks may write in place.
    tensor.numpy()[...] = array
    return tensor
