"""The shipped image models, and how they are trained on MNIST and Fashion-MNIST."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from captum_predictor.model.architectures import use_channels_last
from captum_predictor.training.data_sets import DATA_SETS, DataSet, Split
from captum_predictor.training.loop import Epoch, Evaluation, compare, fit


@dataclass(frozen=True)
class Recipe:
    """One model's recipe; `epochs` is what the shipped weights were given."""

    data_set: DataSet
    architecture: str
    epochs: int

    def make_document(self) -> dict[str, Any]:
        """Give the contents of `model.json`."""
        return {
            "kind": "image",
            "architecture": self.architecture,
            "labels": list(self.data_set.labels),
            "input": {"name": "image", "shape": [1, 28, 28], "range": [0.0, 1.0], "baseline": 0.0},
        }


RECIPES: Mapping[str, Recipe] = {
    "mnist": Recipe(DATA_SETS["mnist"], "mnist_cnn", epochs=10),
    "fashion-mnist": Recipe(DATA_SETS["fashion-mnist"], "fashion_cnn", epochs=8),
}


@dataclass(frozen=True)
class Settings:
    """A training run's settings; `validation_rows` of the training images are held out."""

    epochs: int
    seed: int
    batch_size: int = 64
    learning_rate: float = 1e-3
    validation_rows: int = 5000


def train(
    build: Callable[[], nn.Module], data: Split, settings: Settings, report: Callable[[Epoch], None]
) -> tuple[nn.Module, list[Epoch]]:
    """Build a network and fit it by Adam to the cross entropy of its logits; `report` is called after each epoch.

    Gives the network in evaluation mode with the weights of the epoch of least validation loss, and all epochs. The
    same settings, data, build and number of threads give the same bits.
    """
    torch.manual_seed(settings.seed)  # the first weights, and dropout
    network = build()
    use_channels_last(network)
    generator = torch.Generator().manual_seed(settings.seed)
    order = torch.randperm(len(data.images), generator=generator)
    held_out, rows = order.tensor_split([settings.validation_rows])
    validation, training = (Split(data.images[part], data.classes[part]) for part in (held_out, rows))
    epochs = fit(
        network,
        torch.optim.Adam(network.parameters(), lr=settings.learning_rate),
        settings.epochs,
        lambda: torch.split(torch.randperm(len(training.images), generator=generator), settings.batch_size),
        lambda batch: nn.functional.cross_entropy(network(to_inputs(training.images[batch])), training.classes[batch]),
        lambda: evaluate(network, validation),
        report,
    )
    return network, epochs


def to_inputs(images: torch.Tensor) -> torch.Tensor:
    """Scale uint8 `[n, 1, 28, 28]` to float32 in 0..1, channels_last."""
    return (images.float() / 255).contiguous(memory_format=torch.channels_last)


def evaluate(network: nn.Module, data: Split) -> Evaluation:
    """Evaluate a network that takes 0..1 and gives logits; it is left in evaluation mode."""
    network.eval()
    with torch.inference_mode():
        logits = torch.cat([network(to_inputs(images)) for images in torch.split(data.images, 250)])
    return compare(logits, data.classes)
