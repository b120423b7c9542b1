"""Trains and evaluates the text classifier."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from captum_predictor.training.loop import Epoch, Evaluation, compare, fit
from captum_predictor.training.sentiment.snippets import Snippet, Snippets

BATCH = 32
LEARNING_RATE = 1e-3
WARM_UP = 200
# Texts of similar length share a batch, so that there is little padding: this many are sorted at a time.
SORTED = 20 * BATCH


@dataclass(frozen=True)
class Encoded:
    """A text's token ids, and its class."""

    ids: list[int]
    label: int


def train(
    network: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    data: Snippets,
    epochs: int,
    seed: int,
    report: Callable[[Epoch], None],
) -> list[Epoch]:
    """Fit by AdamW, whose rate rises over the first steps and then falls to nothing; `report` is called each epoch.

    The network is left in evaluation mode, with the weights of the epoch of least validation loss. The same seed, data
    and number of threads give the same bits.
    """
    training = encode(tokenizer, data.training)
    shuffler = random.Random(seed)
    steps = epochs * (len(training) // BATCH + 1)
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / WARM_UP) * max(0.0, 1 - step / steps)
    )
    return fit(
        network,
        optimizer,
        epochs,
        lambda: _make_batches(training, shuffler),
        lambda batch: _compute_loss(network, batch, tokenizer.pad_token_id),
        lambda: evaluate(network, tokenizer, data.validation),
        report,
        schedule,
    )


def evaluate(network: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, snippets: Sequence[Snippet]) -> Evaluation:
    """Evaluate the classifier; it is left in evaluation mode."""
    network.eval()
    texts = encode(tokenizer, snippets)
    with torch.inference_mode():
        parts = [_run(network, texts[i : i + 200], tokenizer.pad_token_id) for i in range(0, len(texts), 200)]
    return compare(torch.cat(parts), torch.tensor([text.label for text in texts]))


def encode(tokenizer: PreTrainedTokenizerFast, snippets: Sequence[Snippet]) -> list[Encoded]:
    """Give each snippet's tokens, cut at the model's maximum."""
    ids = tokenizer([snippet.text for snippet in snippets], truncation=True)["input_ids"]
    return [Encoded(row, snippet.glad) for row, snippet in zip(ids, snippets, strict=True)]


def _make_batches(texts: list[Encoded], shuffler: random.Random) -> list[list[Encoded]]:
    shuffled = shuffler.sample(texts, len(texts))
    ordered = [
        text
        for i in range(0, len(shuffled), SORTED)
        for text in sorted(shuffled[i : i + SORTED], key=lambda text: len(text.ids))
    ]
    batches = [ordered[i : i + BATCH] for i in range(0, len(ordered), BATCH)]
    shuffler.shuffle(batches)
    return batches


def _compute_loss(network: PreTrainedModel, batch: list[Encoded], padding: int) -> torch.Tensor:
    return nn.functional.cross_entropy(_run(network, batch, padding), torch.tensor([text.label for text in batch]))


def _run(network: PreTrainedModel, batch: list[Encoded], padding: int) -> torch.Tensor:
    width = max(len(text.ids) for text in batch)
    ids = torch.tensor([text.ids + [padding] * (width - len(text.ids)) for text in batch])
    mask = torch.tensor([[1] * len(text.ids) + [0] * (width - len(text.ids)) for text in batch])
    logits: torch.Tensor = network(input_ids=ids, attention_mask=mask).logits
    return logits
