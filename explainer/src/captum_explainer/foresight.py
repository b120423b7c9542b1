"""The cotangent that Captum will ask for, as far as it can be known before it asks."""

from __future__ import annotations

import torch
from torch import Tensor

from captum_explainer.skeleton.segment import Foresee


def target_cotangent(targets: list[int], width: int | None) -> Foresee | None:
    """One-hot rows of the targets, repeated as Captum repeats a batch (all instances, then all instances again)."""
    if width is None:
        return None

    def foresee(rows: int) -> Tensor | None:
        if rows % len(targets):
            return None
        repeated = torch.tensor(targets).repeat(rows // len(targets))
        return torch.nn.functional.one_hot(repeated, width).to(torch.float32)

    return foresee


def neuron_cotangent(neuron: list[int], shape: tuple[int, ...]) -> Foresee:
    """One neuron's one-hot, the same in every row."""
    one_hot = torch.zeros(shape)
    one_hot[tuple(neuron)] = 1.0

    def foresee(rows: int) -> Tensor:
        return one_hot.repeat(rows, *[1] * len(shape))

    return foresee
