"""The chain of stages, and what a segment of it computes for a few rows: its value and its VJP."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Protocol

import torch
import torch.fx.experimental.symbolic_shapes  # torch.autograd.grad does it in its first call: 0.3 s of that one's
from captum_serving.errors import BadInput

from captum_predictor.acceleration.linear_as_convolution import PictureLinear
from captum_predictor.acceleration.one_channel_gradient import OneChannelConv2d
from captum_predictor.graph.stages import Stage

# A size that each request has of its own: a text's tokens. A shape has it once at most.
ANY = -1

# A chunk of a segment that has such a size is bounded by rows x that size: no slower a token than 2048 (BERT-base, 128
# tokens a row), at half the memory.
MOST_TOKENS = 1024

MAX_POOLS = ("max_pool1d", "max_pool2d", "max_pool3d")
# Their dilation, with which no window can lie in the padding alone: its -inf would become 0 behind a ReLU.
DENSE = (1, [1], [1, 1], [1, 1, 1])

# Their output is theirs alone and their backward pass does not need it: a ReLU behind them may write over it, which
# saves 0.3 of the 5.7 ms of 25 rows on fashion_cnn.
OVERWRITABLE = ("conv1d", "conv2d", "conv3d", "linear", *MAX_POOLS)

# What stands behind a convolution of one channel whose ReLU's backward pass may write over the gradient: that comes
# from a convolution, which makes it anew.
BEHIND_RECTIFIED = ("relu", "conv2d")

# No slower a row than 50, and much faster than 100, whose memory goes back to the system each time.
MOST_ROWS = 25


class Chained(Protocol):
    """A model of which a chain can be made."""

    @property
    def input_name(self) -> str:
        """What the first stage takes is called this."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """One instance's."""

    @property
    def stages(self) -> tuple[Stage, ...]:
        """In their order."""


@dataclass(frozen=True)
class Segment:
    """The stages after `source` up to the sink, which is the last of them. Shapes are one instance's."""

    source: str
    source_shape: tuple[int, ...]
    stages: tuple[Stage, ...]

    @property
    def sink(self) -> Stage:
        """The stage whose output is asked for."""
        return self.stages[-1]

    @property
    def wants_row_major(self) -> bool:
        """Whether the cotangent must lie row-major in memory, as the gradient of a flatten and of one neuron does.

        Pooling to a fixed size is alone in dividing in another order for channels_last, which changes the last bits.
        """
        return self.sink.kind == "adaptive_avg_pool2d"

    def takes(self, shape: Sequence[int]) -> bool:
        """Whether an instance may have this shape: the source's, of any size where it has `ANY`."""
        return len(shape) == len(self.source_shape) and all(
            expected in (size, ANY) for size, expected in zip(shape, self.source_shape, strict=True)
        )

    def width(self, shape: Sequence[int]) -> int:
        """How many rows of a matrix product an instance of this shape is: its tokens, and 1 where it has none."""
        return shape[self.source_shape.index(ANY)] if ANY in self.source_shape else 1

    def most_rows(self, shape: Sequence[int]) -> int:
        """How many instances of this shape may be computed at once."""
        return max(1, MOST_TOKENS // max(1, self.width(shape))) if ANY in self.source_shape else MOST_ROWS

    def sink_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        """The shape of the sink's value for an instance of this shape."""
        return self.shapes(shape)[self.sink.name]

    def shapes(self, shape: Sequence[int]) -> dict[str, tuple[int, ...]]:
        """The shapes of the source and of every stage's value for an instance of this shape."""
        width = self.width(shape)
        stages = {stage.name: tuple(width if size == ANY else size for size in stage.shape) for stage in self.stages}
        return {self.source: tuple(shape), **stages}

    def around(self, part: Segment) -> tuple[Segment | None, Segment | None]:
        """What lies before a part of it, and behind; None where nothing does."""
        begin = self.stages.index(part.stages[0])
        end = begin + len(part.stages)
        before = replace(self, stages=self.stages[:begin]) if begin else None
        behind = Segment(part.sink.name, part.sink.shape, self.stages[end:]) if self.stages[end:] else None
        return before, behind


class Chain:
    """A model as the chain input, stage, stage ...: the one place that knows that it has no branches."""

    def __init__(self, model: Chained) -> None:
        self._stages = model.stages
        self._names = [model.input_name, *(stage.name for stage in model.stages)]
        self._shapes = [model.input_shape, *(stage.shape for stage in model.stages)]

    @property
    def sources(self) -> list[str]:
        """The names that may be a source: the input's and every stage's but the last."""
        return self._names[:-1]

    def after(self, source: str) -> list[str]:
        """The names of the stages after a source, in their order."""
        return self._names[self._names.index(source) + 1 :]

    def segment(self, source: str, sink: str | None) -> Segment:
        """The segment from the source to the sink (None: the last stage).

        Raises:
            BadInput: A name that is not known, or a sink that does not come after the source.
        """
        if source not in self.sources:
            raise BadInput(f"the source is {source[:80]!r}; expected one of {', '.join(self.sources)}")
        begin = self._names.index(source)
        sinks = self.after(source)
        if sink is not None and sink not in sinks:
            raise BadInput(f"sink is {sink[:80]!r}; expected a stage after {source!r}: {', '.join(sinks)}")
        end = len(self._stages) if sink is None else self._names.index(sink)
        return Segment(source, self._shapes[begin], self._stages[begin:end])


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
    for stage, computed in zip(segment.stages, _rearranged(segment.stages, kept), strict=True):
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


def _rearranged(stages: Sequence[Stage], kept: Collection[str]) -> list[Stage | None]:
    """What is computed in each stage's place, so that the stages whose values are wanted have theirs.

    A max-pool comes before its ReLU, which then has a quarter of the numbers: 0.6 of the 4.3 ms of 25 rows on
    mnist_cnn. The bits are the same, but for the sign of a zero: the largest of a window is, and the first of equals,
    which has the gradient; where none is positive both orders have a gradient of zeros. A flatten is left out where
    pictures are taken as they lie. A convolution of one channel and its ReLU are one, where the gradient comes from a
    convolution.
    """
    rearranged: list[Stage | None] = list(stages)
    for place, (stage, behind) in enumerate(pairwise(stages)):
        if stage.name in kept:
            continue
        if stage.kind == "relu" and behind.kind in MAX_POOLS and behind.options["dilation"] in DENSE:
            rearranged[place : place + 2] = behind, stage
        elif stage.kind == "flatten" and isinstance(behind.module, PictureLinear):
            rearranged[place] = None
        elif isinstance(stage.module, OneChannelConv2d) and _kinds(stages[place + 1 : place + 3]) == BEHIND_RECTIFIED:
            rearranged[place : place + 2] = None, replace(behind, kind="rectified", module=stage.module.rectified)
    return rearranged


def _kinds(stages: Sequence[Stage]) -> tuple[str, ...]:
    return tuple(stage.kind for stage in stages)


def _channels_last(gradient: torch.Tensor) -> torch.Tensor:
    # A flatten gives its gradient back row-major, which ReLU's backward pass then reads with strides: 0.5 of the 6.2 ms
    # of 25 rows on fashion_cnn. The values are the same, and so are ReLU's bits.
    return gradient.contiguous(memory_format=torch.channels_last)
