"""From texts to token ids, and back to the characters that each token stands for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from captum_serving.errors import BadInput, TooLarge
from tokenizers import Encoding
from tokenizers import Tokenizer as Backend

from captum_predictor.engine.arrays import Array

# In one text. Tokens beyond the model's maximum are only counted, but a million characters take a second.
MOST_CHARACTERS = 1_000_000
NONE = -1


@dataclass(frozen=True)
class Special:
    """The special ids: padding's, and all of them."""

    padding: int
    ids: tuple[int, ...]


@dataclass(frozen=True)
class Tokens:
    """A tokenized text, or pair; `removed` tokens were cut off at the model's maximum."""

    encoding: Encoding
    removed: int


class Tokenizer:
    """The model's own tokenizer; `most` is the number of tokens that the model takes, special ones included.

    A text that is too long is cut off at its end; in a pair the longer text is cut first, or with `keep_text` only the
    second. It keeps no state between calls, so several threads may use it.
    """

    def __init__(self, backend: Backend, special: Special, most: int, *, keep_text: bool = False) -> None:
        self.special = special
        self.most = most
        self._keep_text = keep_text
        # Two, set once: changing the one for a call fails where another thread encodes.
        self._whole, self._cut = (Backend.from_str(backend.to_str()) for _ in range(2))
        for copy in (self._whole, self._cut):
            copy.no_padding()
        self._whole.no_truncation()
        self._cut.enable_truncation(most, strategy="only_second" if keep_text else "longest_first")

    def tokenize(self, text: str, pair: str | None, name: str) -> Tokens:
        """A text's tokens, with the pair's after them where there is one; `name` is what an error calls them.

        Raises:
            TooLarge: A text of more than `MOST_CHARACTERS`.
            BadInput: With `keep_text`, a text that leaves no room for the pair.
        """
        for part in (text, pair or ""):
            if len(part) > MOST_CHARACTERS:
                raise TooLarge(f"{name}: has {len(part)} characters; expected at most {MOST_CHARACTERS} in one text")
        encoding = self._whole.encode(text, pair)
        removed = len(encoding) - self.most
        if removed <= 0:
            return Tokens(encoding, 0)
        if self._keep_text:
            kept, room = encoding.sequence_ids.count(0), self.most - encoding.sequence_ids.count(None)
            if kept >= room:
                raise BadInput(f"{name}: has {kept} tokens; expected fewer than {room}: the other text needs room too")
        return Tokens(self._cut.encode(text, pair), removed)


class Batch:
    """Texts' tokens as arrays `[rows, tokens]`; shorter texts are padded at their end to the longest one."""

    def __init__(self, rows: Sequence[Tokens], padding: int, first: int) -> None:
        self.rows = rows
        self._padding = padding
        self._first = first
        self.width = max(len(row.encoding) for row in rows)

    def ids(self) -> Array:
        """The tokens' ids."""
        return self._fill([row.encoding.ids for row in self.rows], self._padding)

    def attention_mask(self) -> Array:
        """1 for a token, 0 for padding."""
        return self._fill([[1] * len(row.encoding) for row in self.rows], 0)

    def types(self) -> Array:
        """The tokens' types: for most models 0 in the text and 1 in the pair."""
        return self._fill([row.encoding.type_ids for row in self.rows], 0)

    def positions(self) -> Array:
        """The positions, counted on through the padding, whatever the ids are."""
        return np.tile(np.arange(self._first, self._first + self.width, dtype=np.int64), (len(self.rows), 1))

    def special(self) -> Array:
        """1 for a special token and for padding."""
        return self._fill([row.encoding.special_tokens_mask for row in self.rows], 1)

    def texts(self) -> Array:
        """0 for a token of the text, 1 for one of the pair, -1 for special tokens and padding."""
        return self._fill([_replace_none(row.encoding.sequence_ids) for row in self.rows], NONE)

    def words(self) -> Array:
        """The number of the word that a token belongs to, from 0 on in its text; -1 for special tokens and padding."""
        return self._fill([_replace_none(row.encoding.word_ids) for row in self.rows], NONE)

    def offsets(self) -> Array:
        """`[rows, tokens, 2]`: a token's first character in its text, and the one after its last."""
        array = np.zeros((len(self.rows), self.width, 2), np.int64)
        for i, row in enumerate(self.rows):
            array[i, : len(row.encoding)] = row.encoding.offsets
        return array

    def strings(self) -> Array:
        """The tokens as the vocabulary writes them; padding as empty strings."""
        array = np.full((len(self.rows), self.width), "", object)
        for i, row in enumerate(self.rows):
            array[i, : len(row.encoding)] = row.encoding.tokens
        return array

    def removed(self) -> Array:
        """`[rows]`: how many tokens were cut off."""
        return np.array([row.removed for row in self.rows], np.int64)

    def _fill(self, rows: Sequence[Sequence[int]], value: int) -> Array:
        array = np.full((len(rows), self.width), value, np.int64)
        for i, row in enumerate(rows):
            array[i, : len(row)] = row
        return array


def _replace_none(values: Sequence[int | None]) -> list[int]:
    return [NONE if value is None else value for value in values]
