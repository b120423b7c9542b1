"""Texts as the predictor takes them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Text:
    """A text, and its pair if it has one; in question answering, the question and its context."""

    text: str
    pair: str | None = None

    @property
    def parts(self) -> tuple[str, ...]:
        """The text, and its pair if it has one."""
        return (self.text,) if self.pair is None else (self.text, self.pair)
