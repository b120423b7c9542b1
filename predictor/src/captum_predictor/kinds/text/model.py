"""A text model as the predictor runs it. Nothing here imports transformers: image models start without it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from captum_serving.protocol.extension_names import INPUT_IDS

from captum_predictor.graph.chain import ANY
from captum_predictor.graph.stages import Stage

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
class TextModel:
    """A transformer: its stages' modules are in evaluation mode, float32 and frozen.

    `first` is the position id of a text's first token. `sizes` says how many ids there are, from 0 on, for `input_ids`
    and for each extra input that the network takes.
    """

    task: Task
    scores: Scores
    labels: tuple[str, ...]
    stages: tuple[Stage, ...]
    tokenizer: Tokenizer
    first: int
    sizes: Mapping[str, int]
    digest: str

    @property
    def input_name(self) -> str:
        """What the first stage takes."""
        return INPUT_IDS

    @property
    def input_shape(self) -> tuple[int, ...]:
        """One text's: its tokens."""
        return (ANY,)
