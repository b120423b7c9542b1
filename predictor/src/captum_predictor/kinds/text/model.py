"""A text model as the predictor runs it. Nothing here imports transformers: image models start without it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from captum_predictor.graph.chain import Model

if TYPE_CHECKING:
    from captum_predictor.kinds.text.tokenizer import Tokenizer

CONFIG = "config.json"


class Task(StrEnum):
    """What the network is trained for."""

    SEQUENCE = "sequence-classification"
    TOKENS = "token-classification"
    ANSWER = "question-answering"


class Scores(StrEnum):
    """How logits become probabilities."""

    SOFTMAX = "softmax"
    SIGMOID = "sigmoid"
    NONE = "none"


@dataclass(frozen=True)
class TextModel(Model):
    """A transformer: its stages' modules are in evaluation mode, float32 and frozen.

    `first_position` is the position id of a text's first token. `sizes` says how many ids there are, from 0 on, for
    `input_ids` and for each extra input that the network takes.
    """

    task: Task
    scores: Scores
    labels: tuple[str, ...]
    tokenizer: Tokenizer
    first_position: int
    sizes: Mapping[str, int]
