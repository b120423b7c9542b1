"""Runs a segment for a few rows: its value and its VJP."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import torch
from captum_serving.errors import BadInput

from captum_predictor.acceleration.arrange import arrange_fast
from captum_predictor.graph.chain import Segment
from captum_predictor.graph.stages import Arrange


def run(
    segment: Segment,
    source: torch.Tensor,
    extra_inputs: Mapping[str, torch.Tensor],
    kept: Collection[str] = (),
    arrange: Arrange = arrange_fast,
) -> dict[str, torch.Tensor]:
    """The values `[rows, *stage shape]` of the sink and of the stages `kept`, without a graph.

    The source is `[rows, *source shape]`. Every stage is given the `extra_inputs` too, by their names.
    """
    with torch.inference_mode():
        return _forward(segment, source, extra_inputs, kept, arrange)


def run_with_gradient(
    segment: Segment,
    differentiated: Segment,
    source: torch.Tensor,
    extra_inputs: Mapping[str, torch.Tensor],
    cotangent: Callable[[dict[str, torch.Tensor]], torch.Tensor],
    kept: Collection[str] = (),
    arrange: Arrange = arrange_fast,
) -> torch.Tensor:
    """The gradient of a part of the segment: cotangent^T · d its sink / d its source `[rows, *its source's shape]`.

    `cotangent` is called when the values are there, with those of the `kept` stages and of both sinks. They may be part
    of the graph.

    Raises:
        BadInput: The part's sink cannot be differentiated by its source.
    """
    before, behind = segment.split_around(differentiated)
    values: dict[str, torch.Tensor] = {}
    if before is not None:
        with torch.no_grad():  # not inference mode: autograd cannot keep what is made there
            values = _forward(before, source, extra_inputs, kept, arrange)
        source = values[before.sink.name]
    differentiable = source.dtype.is_floating_point
    leaf = source.detach().requires_grad_(differentiable)
    sink = differentiated.sink.name
    graph = _forward(differentiated, leaf, extra_inputs, kept, arrange) if differentiable else {sink: leaf}
    value = graph[sink]
    if not value.requires_grad:
        raise BadInput(f"{sink!r} has no gradient by {differentiated.source!r}; expected no cotangent")
    values |= graph
    if behind is not None:
        with torch.no_grad():
            # A copy, since the stage behind it may write over it.
            values |= _forward(behind, value.clone(), extra_inputs, kept, arrange)
    product = _Product.apply(value, cotangent(values))  # type: ignore[no-untyped-call]
    (gradient,) = torch.autograd.grad(product, leaf, materialize_grads=True)
    return gradient


class _Product(torch.autograd.Function):
    """A scalar whose gradient by the value is the cotangent.

    torch.autograd.grad with a cotangent of its own imports sympy in its first call, which takes 0.45 s.
    """

    @staticmethod
    def forward(ctx: Any, value: torch.Tensor, cotangent: torch.Tensor) -> torch.Tensor:  # noqa: ANN401
        ctx.cotangent = cotangent
        return value.new_zeros(())

    @staticmethod
    def backward(ctx: Any, _: torch.Tensor) -> tuple[torch.Tensor, None]:  # noqa: ANN401
        return ctx.cotangent, None


def _forward(
    segment: Segment,
    value: torch.Tensor,
    extra_inputs: Mapping[str, torch.Tensor],
    kept: Collection[str],
    arrange: Arrange,
) -> dict[str, torch.Tensor]:
    values: dict[str, torch.Tensor] = {}
    for step in arrange(segment.stages, kept):
        value = step.compute(value, **extra_inputs)
        if step.gives == segment.sink.name:
            values[step.gives] = value
        elif step.gives is not None and step.gives in kept:
            # A copy, since the step behind it may write over it.
            values[step.gives] = value.detach().clone()
    return values
