"""The gradient between a ReLU and its flatten lies channels last: saves 0.5 of the 6.2 ms of 25 rows on fashion_cnn."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise

import torch

from captum_predictor.graph.stages import Step


def lay_out_gradients(steps: Sequence[Step]) -> list[Step]:
    """Lay out the gradients between a ReLU and a flatten behind it; the bits are the same.

    A flatten's backward pass gives its gradient row-major, and ReLU's would read it with strides.
    """
    changed = [
        replace(flatten, compute=partial(_flatten, flatten))
        if (before.stage.kind, flatten.stage.kind) == ("relu", "flatten")
        else flatten
        for before, flatten in pairwise(steps)
    ]
    return [*steps[:1], *changed]


def _flatten(flatten: Step, value: torch.Tensor) -> torch.Tensor:
    if value.requires_grad and value.ndim == 4:
        value.register_hook(lambda gradient: gradient.contiguous(memory_format=torch.channels_last))  # type: ignore[no-untyped-call]
    return flatten.compute(value)
