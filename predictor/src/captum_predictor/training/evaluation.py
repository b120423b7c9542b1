"""A classifier's loss, accuracy and predictions on labelled data."""

from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True)
class Evaluation:
    """The mean cross entropy, the accuracy (0..1), and the true and the predicted classes, int64 `[n]`."""

    loss: float
    accuracy: float
    classes: torch.Tensor
    predicted: torch.Tensor


def compare(logits: torch.Tensor, classes: torch.Tensor) -> Evaluation:
    """Compare logits `[n, classes]` with the true classes, int64 `[n]`."""
    predicted = logits.argmax(dim=1)
    accuracy = (predicted == classes).double().mean().item()
    return Evaluation(nn.functional.cross_entropy(logits, classes).item(), accuracy, classes, predicted)
