"""A model as a chain of stages, and its segments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from captum_serving.errors import BadInput

from captum_predictor.graph.stages import Stage

# A size that differs from request to request: a text's number of tokens. A shape has at most one.
ANY = -1

# The most tokens in a chunk: as fast per token as 2048 (BERT-base, 128 tokens a row), with half the memory.
MOST_TOKENS = 1024

# As fast per row as 50, and much faster than 100, whose memory goes back to the system each time.
MOST_ROWS = 25


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

        Only pooling to a fixed size divides in another order for channels_last, which changes the last bits.
        """
        return self.sink.kind == "adaptive_avg_pool2d"

    def takes(self, shape: Sequence[int]) -> bool:
        """Whether an instance may have this shape: the source's, of any size where it has `ANY`."""
        return len(shape) == len(self.source_shape) and all(
            expected in (size, ANY) for size, expected in zip(shape, self.source_shape, strict=True)
        )

    def count_tokens(self, shape: Sequence[int]) -> int:
        """Count the tokens of an instance of this shape; 1 if it is not a text."""
        return shape[self.source_shape.index(ANY)] if ANY in self.source_shape else 1

    def limit_rows(self, shape: Sequence[int]) -> int:
        """Give the most instances of this shape that are computed at once."""
        return max(1, MOST_TOKENS // max(1, self.count_tokens(shape))) if ANY in self.source_shape else MOST_ROWS

    def compute_shapes(self, shape: Sequence[int]) -> dict[str, tuple[int, ...]]:
        """Compute the shapes of the source and of every stage's value for an instance of this shape."""
        width = self.count_tokens(shape)
        stages = {stage.name: tuple(width if size == ANY else size for size in stage.shape) for stage in self.stages}
        return {self.source: tuple(shape), **stages}

    def split_around(self, part: Segment) -> tuple[Segment | None, Segment | None]:
        """Give the segments before and behind a part of this one; None if there is none."""
        begin = self.stages.index(part.stages[0])
        end = begin + len(part.stages)
        before = replace(self, stages=self.stages[:begin]) if begin else None
        behind = Segment(part.sink.name, part.sink.shape, self.stages[end:]) if self.stages[end:] else None
        return before, behind


@dataclass(frozen=True)
class Model:
    """A model as a chain: input, stage, stage ... Only this class knows that there are no branches.

    Attributes:
        input_name: The name of the first stage's input.
        input_shape: One instance's.
        stages: In their order.
        digest: SHA-256, as 64 hexadecimal digits, of all that decides the outputs: two versions differ in it.
    """

    input_name: str
    input_shape: tuple[int, ...]
    stages: tuple[Stage, ...]
    digest: str

    @property
    def sources(self) -> list[str]:
        """The names that may be a source: the input's and every stage's but the last."""
        return [self.input_name, *(stage.name for stage in self.stages[:-1])]

    def list_after(self, source: str) -> list[str]:
        """List the names of the stages after a source, in their order."""
        return [stage.name for stage in self.stages[self.sources.index(source) :]]

    def find_segment(self, source: str, sink: str | None) -> Segment:
        """Find the segment from the source to the sink (None: the last stage).

        Raises:
            BadInput: A name that is not known, or a sink that does not come after the source.
        """
        if source not in self.sources:
            raise BadInput(f"the source is {source[:80]!r}; expected one of {', '.join(self.sources)}")
        sinks = self.list_after(source)
        if sink is not None and sink not in sinks:
            raise BadInput(f"sink is {sink[:80]!r}; expected a stage after {source!r}: {', '.join(sinks)}")
        begin = self.sources.index(source)
        end = len(self.stages) if sink is None else begin + sinks.index(sink) + 1
        shape = self.stages[begin - 1].shape if begin else self.input_shape
        return Segment(source, shape, self.stages[begin:end])
