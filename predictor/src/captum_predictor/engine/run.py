"""What a segment computes for a few rows: its value and its VJP."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import torch
import torch.fx.experimental.symbolic_shapes  # torch.autograd.grad does it in its first call: 0.3 s of that one's
from captum_serving.errors import BadInput

from captum_predictor.acceleration.pool_before_relu import MAX_POOLS, rearranged
from captum_predictor.graph.chain import Segment

# Their output is theirs alone and their backward pass does not need it: a ReLU behind them may write over it, which
# saves 0.3 of the 5.7 ms of 25 rows on fashion_cnn.
OVERWRITABLE = ("conv1d", "conv2d", "conv3d", "linear", *MAX_POOLS)


def run(
    segment: Segment, source: torch.Tensor, beside: Mapping[str, torch.Tensor], kept: Collection[str] = ()
) -> dict[str, torch.Tensor]:
    """The values `[rows, *stage shape]` of the sink and of the stages `kept`, without a graph.

    The source is `[rows, *source shape]`. Every stage is given the tensors `beside` it too, by their names.
    """
    with torch.inference_mode():
        return _forward(segment, source, beside, kept)


def run_with_gradient(
    segment: Segment,
    differentiated: Segment,
    source: torch.Tensor,
    beside: Mapping[str, torch.Tensor],
    cotangent: Callable[[dict[str, torch.Tensor]], torch.Tensor],
    kept: Collection[str] = (),
) -> torch.Tensor:
    """The gradient of a part of the segment: cotangent^T · d its sink / d its source `[rows, *its source's shape]`.

    The cotangent is asked for when the values are there: it is given those of the `kept` stages, and of both sinks,
    which may be part of the graph.

    Raises:
        BadInput: The part's sink cannot be differentiated by its source.
    """
    before, behind = segment.around(differentiated)
    values: dict[str, torch.Tensor] = {}
    if before is not None:
        with torch.no_grad():  # not inference mode: autograd cannot keep what is made there
            values = _forward(before, source, beside, kept)
        source = values[before.sink.name]
    differentiable = source.dtype.is_floating_point
    leaf = source.detach().requires_grad_(differentiable)
    sink = differentiated.sink.name
    graph = _forward(differentiated, leaf, beside, kept) if differentiable else {sink: leaf}
    value = graph[sink]
    if not value.requires_grad:
        raise BadInput(f"{sink!r} has no gradient by {differentiated.source!r}; expected no cotangent")
    values |= graph
    if behind is not None:
        with torch.no_grad():
            # Of a copy, since the stage behind it may write over it.
            values |= _forward(behind, value.clone(), beside, kept)
    (gradient,) = torch.autograd.grad(value, leaf, cotangent(values), materialize_grads=True)
    return gradient


def _forward(
    segment: Segment, value: torch.Tensor, beside: Mapping[str, torch.Tensor], kept: Collection[str]
) -> dict[str, torch.Tensor]:
    values: dict[str, torch.Tensor] = {}
    before: str | None = None
    for stage, computed in zip(segment.stages, rearranged(segment.stages, kept), strict=True):
        if computed is None:
            continue
        kind = computed.kind
        if (before, kind) == ("relu", "flatten") and value.requires_grad and value.ndim == 4:
            value.register_hook(_channels_last)  # type: ignore[no-untyped-call]
        value = torch.relu_(value) if kind == "relu" and before in OVERWRITABLE else computed.module(value, **beside)
        if stage is segment.sink:
            values[stage.name] = value
        elif stage.name in kept:
            # A copy, since the stage behind it may write over it.
            values[stage.name] = value.detach().clone()
        before = kind
    return values


def _channels_last(gradient: torch.Tensor) -> torch.Tensor:
    # A flatten gives its gradient back row-major, which ReLU's backward pass then reads with strides: 0.5 of the 6.2 ms
    # of 25 rows on fashion_cnn. The values are the same, and so are ReLU's bits.
    return gradient.contiguous(memory_format=torch.channels_last)
