"""Reads texts into tokens: the model's input, its extra inputs, and what each token stands for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from captum_serving.errors import BadInput
from captum_serving.protocol.extension_names import (
    ATTENTION_MASK,
    INPUT_IDS,
    OFFSETS,
    POSITION_IDS,
    SEQUENCE_IDS,
    SPECIAL_TOKENS_MASK,
    TEXT,
    TEXT_PAIR,
    TOKEN_TYPE_IDS,
    TOKENS,
    TRUNCATED_TOKENS,
    WORD_IDS,
)

from captum_predictor.engine.arrays import Array
from captum_predictor.kinds.text.instances import Texts, read_tensors
from captum_predictor.kinds.text.model import Task, TextModel
from captum_predictor.kinds.text.tokenizer import Batch, Tokens


class TokenReader:
    """Reads texts for one model; `extra_inputs` are those that its network takes."""

    names: tuple[str, ...] = (TEXT, TEXT_PAIR)

    def __init__(self, model: TextModel) -> None:
        self.model = model
        self.extra_inputs = tuple(name for name in model.sizes if name != INPUT_IDS)

    def read(self, tensors: Mapping[str, Array], sink: str | None) -> Mapping[str, Array]:
        """The tokens' strings and ids, the extra inputs, and the characters and words that the tokens stand for.

        Raises:
            BadInput, TooLarge: Another sink than `tokens`, or texts that the model does not take.
        """
        if sink not in (None, TOKENS):
            raise BadInput(f"sink is {sink[:80]!r}; expected {TOKENS!r}, the only one of texts")
        batch = self.batch(self.tokenize(read_tensors(tensors, self.model.task), TEXT, TEXT_PAIR))
        return {
            TOKENS: batch.strings(),
            INPUT_IDS: batch.ids(),
            **self.make_extra_inputs(batch),
            SPECIAL_TOKENS_MASK: batch.special(),
            OFFSETS: batch.offsets(),
            WORD_IDS: batch.words(),
            SEQUENCE_IDS: batch.texts(),
            TRUNCATED_TOKENS: batch.removed(),
        }

    def tokenize(self, texts: Sequence[Texts], name: str, pair_name: str) -> list[Tokens]:
        """The tokens of texts, which an error calls by `name`, and their second part by `pair_name`.

        Raises:
            BadInput, TooLarge: A text has no tokens, or is one that the model does not take.
        """
        answers = self.model.task is Task.ANSWER
        found = []
        for i, text in enumerate(texts):
            where = f"{name}[{i}]"
            row = self.model.tokenizer.tokenize(text.text, text.pair, where)
            if not row.encoding.ids:
                raise BadInput(f"{where}: has no tokens; expected one at least")
            if answers and 1 not in row.encoding.sequence_ids:
                raise BadInput(f"{where}: {pair_name} has no tokens; expected one at least, to find the answer in")
            found.append(row)
        return found

    def batch(self, tokens: list[Tokens]) -> Batch:
        """The tokens, padded to the longest text."""
        return Batch(tokens, self.model.tokenizer.special.padding, self.model.first)

    def make_extra_inputs(self, batch: Batch) -> dict[str, Array]:
        """The extra inputs that the network takes for a batch."""
        made = {
            ATTENTION_MASK: batch.attention_mask,
            TOKEN_TYPE_IDS: batch.types,
            POSITION_IDS: batch.positions,
        }
        return {name: made[name]() for name in self.extra_inputs}
