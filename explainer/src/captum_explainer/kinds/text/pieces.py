"""Divides a text into words that can be left out."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from captum_serving.errors import BadInput
from numpy.typing import NDArray

from captum_explainer.predictor_client.texts import Text

# The lime package's words, and with them every mark and emoji: a transformer reads those, too.
BAG_WORD = re.compile(r"\w+")
WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True)
class Pieces:
    """A text's words, and which feature each belongs to.

    Attributes:
        text: The text.
        spans: For each word, the number of the part it is in, its first character, and the one after its last.
        features: int64 [words], each word's feature: its own, or one for all words that are written alike.
    """

    text: Text
    spans: list[tuple[int, int, int]]
    features: NDArray[np.int64]

    @property
    def count(self) -> int:
        """The number of features."""
        return int(self.features.max(initial=-1)) + 1

    @property
    def words(self) -> list[str]:
        """The words, as the text has them."""
        return [self.text.parts[part][start:end] for part, start, end in self.spans]

    @property
    def where(self) -> dict[str, Any]:
        """Where the words are, for the details."""
        return {
            "offsets": [[start, end] for _, start, end in self.spans],
            "sequences": [part for part, _, _ in self.spans],
        }

    def keep(self, present: NDArray[np.bool_], replacement: str) -> Text:
        """The text with the words of absent features replaced; everything between words stays.

        Args:
            present: bool [features].
            replacement: What takes their place; may be empty.
        """
        parts: list[str] = []
        for number, part in enumerate(self.text.parts):
            written: list[str] = []
            done = 0
            for feature, (owner, start, end) in zip(self.features, self.spans, strict=True):
                if owner == number and not present[feature]:
                    written += [part[done:start], replacement]
                    done = end
            parts.append("".join([*written, part[done:]]))
        return Text(*parts)


def divide_text(text: Text, bag_of_words: bool, most: int) -> Pieces:
    """Divide a text into words; with `bag_of_words`, equal words are one feature, as in the lime package.

    Raises:
        BadInput: More words than the server allows.
    """
    pattern = BAG_WORD if bag_of_words else WORD
    spans = [(number, *match.span()) for number, part in enumerate(text.parts) for match in pattern.finditer(part)]
    written = [text.parts[part][start:end] for part, start, end in spans]
    known: dict[str, int] = {}
    features = [known.setdefault(word, len(known)) for word in written] if bag_of_words else list(range(len(spans)))
    pieces = Pieces(text, spans, np.array(features, dtype=np.int64))
    if pieces.count > most:
        raise BadInput(
            f"a text has {pieces.count} words; expected at most {most} (the server's limit, --max_perturbations)"
        )
    return pieces
