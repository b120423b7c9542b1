"""A classifier's loss, accuracy and predictions on labelled images."""

from dataclasses import dataclass

import torch
from torch import nn

from captum_predictor.training.data_sets import Split

_BATCH = 250


@dataclass(frozen=True)
class Evaluation:
    """The mean cross entropy, the accuracy (0..1), and the true and the predicted classes, int64 `[n]`."""

    loss: float
    accuracy: float
    classes: torch.Tensor
    predicted: torch.Tensor


def to_inputs(images: torch.Tensor) -> torch.Tensor:
    """Scale uint8 `[n, 1, 28, 28]` to float32 in 0..1, channels_last."""
    return (images.float() / 255).contiguous(memory_format=torch.channels_last)


def evaluate(network: nn.Module, data: Split) -> Evaluation:
    """Evaluate a network that takes 0..1 and gives logits; it is left in evaluation mode."""
    network.eval()
    with torch.inference_mode():
        logits = torch.cat([network(to_inputs(images)) for images in torch.split(data.images, _BATCH)])
        loss = nn.functional.cross_entropy(logits, data.classes).item()
    predicted = logits.argmax(dim=1)
    accuracy = (predicted == data.classes).double().mean().item()
    return Evaluation(loss, accuracy, data.classes, predicted)
