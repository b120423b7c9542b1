"""Fits a classifier and keeps its best epoch."""

import copy
from collections.abc import Callable, Sequence, Sized
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import nn
from torch.optim.lr_scheduler import LRScheduler
from tqdm import tqdm

Batch = TypeVar("Batch", bound=Sized)


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


@dataclass(frozen=True)
class Epoch:
    """An epoch's results: mean cross entropies, and the accuracy on the held-out rows (0..1)."""

    number: int
    training_loss: float
    validation_loss: float
    validation_accuracy: float


def fit(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    epochs: int,
    make_batches: Callable[[], Sequence[Batch]],
    compute_loss: Callable[[Batch], torch.Tensor],
    validate: Callable[[], Evaluation],
    report: Callable[[Epoch], None],
    schedule: LRScheduler | None = None,
) -> list[Epoch]:
    """Fit a network and leave it in evaluation mode, with the weights of the epoch of least validation loss.

    `make_batches` and `validate` are called once an epoch, `report` after each. `schedule` sets the rate of each step.
    """
    done: list[Epoch] = []
    best: dict[str, torch.Tensor] = {}
    for number in range(1, epochs + 1):
        network.train()
        total, rows = 0.0, 0
        bar = tqdm(make_batches(), desc=f"epoch {number}/{epochs}", unit="batch", leave=False)
        for batch in bar:
            optimizer.zero_grad()
            loss = compute_loss(batch)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            if schedule is not None:
                schedule.step()
            total += loss.item() * len(batch)
            rows += len(batch)
            bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
        held_out = validate()
        done.append(Epoch(number, total / rows, held_out.loss, held_out.accuracy))
        report(done[-1])
        if done[-1] is find_best_epoch(done):
            best = copy.deepcopy(network.state_dict())
    network.load_state_dict(best)
    network.eval()
    return done


def find_best_epoch(epochs: list[Epoch]) -> Epoch:
    """Give the epoch of least validation loss, the first of them."""
    return min(epochs, key=lambda epoch: epoch.validation_loss)
