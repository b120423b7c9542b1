"""Fit a classifier and keep its best epoch."""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from tqdm import tqdm

from captum_predictor.model.architectures import use_channels_last
from captum_predictor.training.data_sets import Split
from captum_predictor.training.evaluation import evaluate, to_inputs


@dataclass(frozen=True)
class Settings:
    """A training run's settings; `validation_rows` of the training images are held out."""

    epochs: int
    seed: int
    batch_size: int = 64
    learning_rate: float = 1e-3
    validation_rows: int = 5000


@dataclass(frozen=True)
class Epoch:
    """An epoch's results: mean cross entropies, and the accuracy on the held-out images (0..1)."""

    number: int
    training_loss: float
    validation_loss: float
    validation_accuracy: float


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
    validation, training = (_rows(data, rows) for rows in order.tensor_split([settings.validation_rows]))
    optimizer = torch.optim.Adam(network.parameters(), lr=settings.learning_rate)
    epochs: list[Epoch] = []
    best: dict[str, torch.Tensor] = {}
    for number in range(1, settings.epochs + 1):
        shuffled = torch.randperm(len(training.images), generator=generator)
        batches = torch.split(shuffled, settings.batch_size)
        bar = tqdm(batches, desc=f"epoch {number}/{settings.epochs}", unit="batch", leave=False)
        training_loss = _one_epoch(network, training, bar, optimizer)
        held_out = evaluate(network, validation)
        epochs.append(Epoch(number, training_loss, held_out.loss, held_out.accuracy))
        report(epochs[-1])
        if epochs[-1] is best_epoch(epochs):
            best = copy.deepcopy(network.state_dict())
    network.load_state_dict(best)
    return network.eval(), epochs


def best_epoch(epochs: list[Epoch]) -> Epoch:
    """Give the epoch of least validation loss, the first of them."""
    return min(epochs, key=lambda epoch: epoch.validation_loss)


def _one_epoch(
    network: nn.Module, data: Split, batches: "tqdm[torch.Tensor]", optimizer: torch.optim.Optimizer
) -> float:
    network.train()
    total = 0.0
    for rows in batches:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(network(to_inputs(data.images[rows])), data.classes[rows])
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        total += loss.item() * len(rows)
        batches.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
    return total / len(data.images)


def _rows(data: Split, rows: torch.Tensor) -> Split:
    return Split(data.images[rows], data.classes[rows])
