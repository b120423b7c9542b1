"""The steps in which the stages of a segment are computed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import torch

from captum_predictor.graph.stages import Stage


@dataclass(frozen=True)
class Step:
    """One operation, which takes the value before it.

    Attributes:
        stage: The stage whose operation it is.
        compute: Called with the value before it, `[rows, ...]`, and the extra inputs by their names.
        gives: The name of the stage whose value is there after it; None where it is no stage's.
    """

    stage: Stage
    compute: Callable[..., torch.Tensor]
    gives: str | None


# From a segment's stages and the names of those whose values are wanted, the last one's apart, to the steps.
Arrange = Callable[[Sequence[Stage], Collection[str]], Sequence[Step]]


def arrange_in_order(stages: Sequence[Stage], _kept: Collection[str]) -> Sequence[Step]:
    """The stages' own modules in their own order."""
    return [Step(stage, stage.module, stage.name) for stage in stages]
