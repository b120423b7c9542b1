"""Turns texts into tokens, and these into tensors."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from captum_serving.errors import BadInput, TooLarge
from captum_serving.protocol.extension_names import (
    ATTENTION_MASK,
    INPUT_IDS,
    OFFSETS,
    POSITION_IDS,
    SEQUENCE_IDS,
    SPECIAL_TOKENS_MASK,
    TOKEN_TYPE_IDS,
    TOKENS,
    TRUNCATED_TOKENS,
    WORD_IDS,
)
from tokenizers import Encoding
from tokenizers import Tokenizer as Backend

from captum_predictor.engine.arrays import Array

# In one text. Tokens beyond the model's maximum are only counted, but a million characters take a second.
MOST_CHARACTERS = 1_000_000

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


@dataclass(frozen=True)
class Tokens:
    """A tokenized text, or pair; `removed` tokens were cut off at the model's maximum."""

    encoding: Encoding
    removed: int


class Tokenizer:
    """The model's own tokenizer: its `padding` id, its `special` ids, and `most_tokens`, which the model takes.

    A text that is too long is cut off at its end; in a pair the longer text is cut first, or with `keep_text` only the
    second. It keeps no state between calls, so several threads may use it.
    """

    def __init__(
        self, backend: Backend, padding: int, special: tuple[int, ...], most_tokens: int, *, keep_text: bool = False
    ) -> None:
        self.padding = padding
        self.special = special
        self.most_tokens = most_tokens
        self._keep_text = keep_text
        # Two, set once: changing the one for a call fails where another thread encodes.
        self._whole, self._cut = (Backend.from_str(backend.to_str()) for _ in range(2))
        for copy in (self._whole, self._cut):
            copy.no_padding()
        self._whole.no_truncation()
        self._cut.enable_truncation(most_tokens, strategy="only_second" if keep_text else "longest_first")

    def tokenize(self, text: str, pair: str | None, name: str) -> Tokens:
        """A text's tokens, with the pair's after them where there is one; `name` is what an error calls them.

        Raises:
            TooLarge: A text of more than `MOST_CHARACTERS`.
            BadInput: With `keep_text`, a text that leaves no room for the pair.
        """
        for part in (text, pair or ""):
            if len(part) > MOST_CHARACTERS:
                raise TooLarge(f"{name}: has {len(part)} characters; expected at most {MOST_CHARACTERS} in one text")
        encoding = _encode(self._whole, text, pair)
        removed = len(encoding) - self.most_tokens
        if removed <= 0:
            return Tokens(encoding, 0)
        if self._keep_text:
            kept, room = encoding.sequence_ids.count(0), self.most_tokens - encoding.sequence_ids.count(None)
            if kept >= room:
                raise BadInput(f"{name}: has {kept} tokens; expected fewer than {room}: the other text needs room too")
        return Tokens(_encode(self._cut, text, pair), removed)


def _encode(backend: Backend, text: str, pair: str | None) -> Encoding:
    # As a batch of one: the tokenizer's encode() holds the interpreter's lock, for 0.3 s with 500,000 characters.
    (encoding,) = backend.encode_batch([text if pair is None else (text, pair)])
    return encoding


def make_tensors(
    tokens: Sequence[Tokens], names: Iterable[str], padding_id: int, first_position: int
) -> dict[str, Array]:
    """Make the tensors of these names, int64 `[rows, tokens]`; shorter texts are padded at their end to the longest.

    `tokens` holds strings, `offsets` is `[rows, tokens, 2]`, and `truncated_tokens` is `[rows]`. Positions are counted
    on from `first_position` through the padding, whatever the ids are.
    """
    width = max(len(row.encoding) for row in tokens)
    tensors: dict[str, Array] = {}
    for name in names:
        if name == TRUNCATED_TOKENS:
            tensors[name] = np.array([row.removed for row in tokens], np.int64)
        elif name == POSITION_IDS:
            positions = np.arange(first_position, first_position + width, dtype=np.int64)
            tensors[name] = np.tile(positions, (len(tokens), 1))
        else:
            attribute, padding = ("ids", padding_id) if name == INPUT_IDS else PER_TOKEN[name]
            shape = (len(tokens), width, 2) if name == OFFSETS else (len(tokens), width)
            tensors[name] = np.full(shape, padding, object if name == TOKENS else np.int64)
            for i, row in enumerate(tokens):
                values = getattr(row.encoding, attribute)
                tensors[name][i, : len(values)] = [NONE if value is None else value for value in values]
    return tensors
