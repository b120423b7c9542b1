"""A tokenized text: the ids sent to the network, and the word each token belongs to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from captum_explainer.predictor_client.exchange import Array
from captum_explainer.predictor_client.session import Session
from captum_explainer.predictor_client.texts import Text

# An answer may hold 65,536 strings: this many texts with 1024 tokens each.
TEXTS_A_CALL = 64
OF_EACH_TOKEN = ("tokens", "special_tokens_mask", "offsets", "word_ids", "sequence_ids")


@dataclass(frozen=True)
class Tokens:
    """The tokens of one text, without padding.

    Attributes:
        strings: The tokens as the vocabulary writes them.
        ids: int64 [1, tokens].
        extra_inputs: What the network takes beside the ids, int64 [1, tokens] each.
        special: bool [tokens], true for those that the tokenizer added.
        offsets: int64 [tokens, 2], the characters of its text that a token stands for.
        words: int64 [tokens], the number of the token's word in its text; -1 for special tokens.
        sequences: int64 [tokens], 0 in the text and 1 in its pair; -1 for special tokens.
        dropped: The number of tokens that were cut off to fit the model.
    """

    strings: list[str]
    ids: Array
    extra_inputs: dict[str, Array]
    special: Array
    offsets: Array
    words: Array
    sequences: Array
    dropped: int

    def make_baseline(self, padding_id: int) -> Array:
        """The ids with padding instead of all but the special tokens, int64 [1, tokens]."""
        return np.where(self.special, self.ids, padding_id)

    def cut_text(self, text: Text) -> Text:
        """The part of the text that the model sees."""
        if not self.dropped:
            return text
        ends = [int(self.offsets[self.sequences == i, 1].max(initial=0)) for i in range(len(text.parts))]
        return Text(*(part[:end] for part, end in zip(text.parts, ends, strict=True)))


def tokenize(session: Session, texts: Sequence[Text]) -> list[Tokens]:
    """The tokens of each text.

    Raises:
        ServingError: As `Session.tokenize`.
    """
    names = session.description.input_name, *session.description.extra_inputs
    rows: dict[int, Tokens] = {}
    most = min(TEXTS_A_CALL, session.description.max_rows)
    for start in range(0, len(texts), most):
        together = range(start, min(start + most, len(texts)))
        # Texts with and without a pair need calls of their own.
        for paired in (False, True):
            chosen = [i for i in together if (texts[i].pair is not None) == paired]
            if chosen:
                found = session.tokenize([texts[i] for i in chosen], *names, *OF_EACH_TOKEN, "truncated_tokens")
                rows |= {i: _read_row(found, k, names) for k, i in enumerate(chosen)}
    return [rows[i] for i in range(len(texts))]


def _read_row(found: dict[str, Array], row: int, names: tuple[str, ...]) -> Tokens:
    # The tokenizer writes padding as an empty string.
    length = sum(1 for string in found["tokens"][row] if string != "")
    one: dict[str, Any] = {name: found[name][row : row + 1, :length].astype(np.int64) for name in names}
    return Tokens(
        strings=list(found["tokens"][row, :length]),
        ids=one.pop(names[0]),
        extra_inputs=one,
        special=found["special_tokens_mask"][row, :length] != 0,
        offsets=found["offsets"][row, :length],
        words=found["word_ids"][row, :length],
        sequences=found["sequence_ids"][row, :length],
        dropped=int(found["truncated_tokens"][row]),
    )
