"""Turns texts into tokens."""

from dataclasses import dataclass

from captum_serving.errors import BadInput, TooLarge
from tokenizers import Encoding
from tokenizers import Tokenizer as Backend

# In one text. Tokens beyond the model's maximum are only counted, but a million characters take a second.
MOST_CHARACTERS = 1_000_000


@dataclass(frozen=True)
class Tokens:
    """A tokenized text, or pair; `removed` tokens were cut off at the model's maximum."""

    encoding: Encoding
    removed: int


class Tokenizer:
    """The model's own tokenizer: its `padding` id, its `special` ids, and `most`, the most tokens that the model takes.

    A text that is too long is cut off at its end; in a pair the longer text is cut first, or with `keep_text` only the
    second. It keeps no state between calls, so several threads may use it.
    """

    def __init__(
        self, backend: Backend, padding: int, special: tuple[int, ...], most: int, *, keep_text: bool = False
    ) -> None:
        self.padding = padding
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
