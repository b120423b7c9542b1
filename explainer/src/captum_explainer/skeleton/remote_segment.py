"""A remote segment: a module whose forward and backward passes the predictor computes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from captum_explainer.predictor_client.session import Answer, Derivative, Rows, Values

Foresee = Callable[[int], Tensor | None]


class Segments(Protocol):
    """What computes segments: a session of calls to the predictor."""

    def ask(self, source: str, sink: str, rows: Rows, cotangent: Rows | None = None) -> Answer:
        """The sink's value, and the VJP where a cotangent is given."""
        ...


class FarSighted(Segments, Protocol):
    """What computes several segments by one call: a session with a predictor that gives values of stages."""

    def ask_values(
        self, source: str, stages: Sequence[str], rows: Rows, derivative: Derivative | None
    ) -> Values | None:
        """The values of stages, and a gradient; None where one call cannot carry it."""
        ...


class RemoteSegment(nn.Module):
    """The stages after `source` up to `sink`, which the predictor computes.

    `foresee` gives, for a number of rows, the cotangent that Captum will most likely ask for: it travels with the
    forward call, and the backward pass then needs no second one. A wrong foresight costs that call and nothing else.
    """

    def __init__(
        self, segments: Segments, source: str, sink: str, gradient_format: torch.memory_format = torch.channels_last
    ) -> None:
        super().__init__()
        self.segments = segments
        self.source = source
        self.sink = sink
        self.gradient_format = gradient_format
        self.foresee: Foresee | None = None
        # LayerDeepLift hooks tensors that must require a gradient, also where the input of the model does not.
        self.anchor = nn.Parameter(torch.zeros(()))

    def forward(self, rows: Tensor) -> Tensor:
        """The sink's value [rows, *the sink's shape] for float32 rows [rows, *the source's shape]."""
        value: Tensor = _Remote.apply(rows, self.anchor, self)  # type: ignore[no-untyped-call]
        return value


class _Remote(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, anchor: Tensor, segment: RemoteSegment) -> Tensor:  # noqa: ANN401
        ctx.segment = segment
        ctx.rows = _to_numpy(rows)
        ctx.foreseen = segment.foresee(len(rows)) if segment.foresee and ctx.needs_input_grad[0] else None
        cotangent = None if ctx.foreseen is None else _to_numpy(ctx.foreseen)
        answer = segment.segments.ask(segment.source, segment.sink, ctx.rows, cotangent)
        ctx.gradient = answer.gradient
        return _to_tensor(answer.value, torch.channels_last)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor | None, None, None]:  # noqa: ANN401
        if not ctx.needs_input_grad[0]:
            return None, None, None
        segment: RemoteSegment = ctx.segment
        if ctx.foreseen is not None and torch.equal(cotangent, ctx.foreseen):
            return _to_tensor(ctx.gradient, segment.gradient_format), None, None
        answer = segment.segments.ask(segment.source, segment.sink, ctx.rows, _to_numpy(cotangent))
        assert answer.gradient is not None
        return _to_tensor(answer.gradient, segment.gradient_format), None, None


def _to_numpy(tensor: Tensor) -> Rows:
    return np.ascontiguousarray(tensor.detach().numpy(), dtype=np.float32)


def _to_tensor(array: Rows, memory_format: torch.memory_format) -> Tensor:
    # In process the tensors of an image network are channels_last, and the order in memory is the order in which
    # Captum's sums over them are taken (Grad-CAM's means): it decides their last bits.
    tensor = torch.empty(array.shape, memory_format=memory_format if array.ndim == 4 else torch.contiguous_format)
    # A copy, since the array is a read-only view of the answer's body, and Captum's hooks may write in place.
    tensor.numpy()[...] = array
    return tensor
