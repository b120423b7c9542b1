"""Reads texts into tokens: the model's input, its extra inputs, and what each token stands for."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
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
from captum_predictor.kinds.text.tokenizer import Tokens

# What stands for "none", such as the word that a special token belongs to.
NONE = -1

# For each tensor that has a value for each token: the encoding's attribute, and what padding has instead.
PER_TOKEN: Mapping[str, tuple[str, int | str]] = {
    ATTENTION_MASK: ("attention_mask", 0),
    OFFSETS: ("offsets", 0),
    SEQUENCE_IDS: ("sequence_ids", NONE),
    SPECIAL_TOKENS_MASK: ("special_tokens_mask", 1),
    TOKENS: ("tokens", ""),
    TOKEN_TYPE_IDS: ("type_ids", 0),
    WORD_IDS: ("word_ids", NONE),
}
# What a request for tokens is answered beside the model's inputs.
DESCRIPTIONS = (SPECIAL_TOKENS_MASK, OFFSETS, WORD_IDS, SEQUENCE_IDS, TRUNCATED_TOKENS)


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
        tokens = self.tokenize(read_tensors(tensors, self.model.task), TEXT, TEXT_PAIR)
        return self.make_tensors(tokens, (TOKENS, INPUT_IDS, *self.extra_inputs, *DESCRIPTIONS))

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

    def make_tensors(self, tokens: Sequence[Tokens], names: Iterable[str]) -> dict[str, Array]:
        """The tensors of these names, int64 `[rows, tokens]`; shorter texts are padded at their end to the longest.

        `tokens` holds strings, `offsets` is `[rows, tokens, 2]`, and `truncated_tokens` is `[rows]`.
        """
        width = max(len(row.encoding) for row in tokens)
        return {name: self._make_tensor(name, tokens, width) for name in names}

    def _make_tensor(self, name: str, tokens: Sequence[Tokens], width: int) -> Array:
        if name == TRUNCATED_TOKENS:
            return np.array([row.removed for row in tokens], np.int64)
        if name == POSITION_IDS:  # counted on through the padding, whatever the ids are
            first = self.model.first
            return np.tile(np.arange(first, first + width, dtype=np.int64), (len(tokens), 1))
        attribute, padding = ("ids", self.model.tokenizer.padding) if name == INPUT_IDS else PER_TOKEN[name]
        shape = (len(tokens), width, 2) if name == OFFSETS else (len(tokens), width)
        array = np.full(shape, padding, object if name == TOKENS else np.int64)
        for i, row in enumerate(tokens):
            values = getattr(row.encoding, attribute)
            array[i, : len(values)] = [NONE if value is None else value for value in values]
        return array
