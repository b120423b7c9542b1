"""The order in which stages are computed: a max-pool before its ReLU, which then has fewer numbers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise

from captum_predictor.acceleration.linear_as_convolution import PictureLinear
from captum_predictor.graph.stages import Stage

MAX_POOLS = ("max_pool1d", "max_pool2d", "max_pool3d")
# Their dilation, with which no window can lie in the padding alone: its -inf would become 0 behind a ReLU.
DENSE = (1, [1], [1, 1], [1, 1, 1])


def rearranged(stages: Sequence[Stage], kept: Collection[str]) -> list[Stage | None]:
    """What is computed in each stage's place, so that the stages whose values are wanted have theirs.

    A max-pool comes before its ReLU, which then has a quarter of the numbers: 0.6 of the 4.3 ms of 25 rows on
    mnist_cnn. The bits are the same, but for the sign of a zero: the largest of a window is, and the first of equals,
    which has the gradient; where none is positive both orders have a gradient of zeros. A flatten is left out where
    pictures are taken as they lie.
    """
    rearranged: list[Stage | None] = list(stages)
    for place, (stage, behind) in enumerate(pairwise(stages)):
        if stage.name in kept:
            continue
        if stage.kind == "relu" and behind.kind in MAX_POOLS and behind.options["dilation"] in DENSE:
            rearranged[place : place + 2] = behind, stage
        elif stage.kind == "flatten" and isinstance(behind.module, PictureLinear):
            rearranged[place] = None
    return rearranged
