"""Formats words for a terminal: coloured by importance, or without colours one per line."""

import os
from collections.abc import Iterator
from typing import TextIO

from captum_client.answers.word_importances import WordImportances
from captum_client.printable import make_printable

# The terminal's 256 colours that are nearest to the server's colour map RdBu_r: red speaks for the target, blue against
# it. Pairs of a background and a readable text colour, from faint to strong.
FOR = ((224, 16), (216, 16), (167, 16), (124, 231), (52, 231))
AGAINST = ((189, 16), (110, 16), (68, 16), (25, 231), (17, 231))
_LONGEST = 100


def has_colours(stream: TextIO) -> bool:
    """Return whether a stream is a terminal with colours that are not switched off by NO_COLOR (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def format_words(row: WordImportances, colours: bool) -> Iterator[str]:
    """Return the lines to print for `row`, without control characters from its words."""
    importances = [float(value) for value in row.explanation.attributions]
    words = [make_printable(word, _LONGEST) for word in row.words]
    if not colours:
        yield from (f"  {value:+.3g}\t{word}" for value, word in zip(importances, words, strict=True))
        return
    limit = max(map(abs, importances), default=0.0)
    yield " ".join(
        _paint(word, value / limit if limit else 0.0) for word, value in zip(words, importances, strict=True)
    )
    if limit:
        yield format_legend(limit)


def format_legend(limit: float) -> str:
    """Return the legend; `limit` is the importance with the full colour."""
    levels = len(FOR)
    bar = "".join(_paint(" ", step / levels) for step in range(-levels, levels + 1))
    return f"speaks against it {bar} speaks for it; full colour at {limit:.3g}"


def _paint(word: str, share: float) -> str:
    level = round(abs(share) * len(FOR))
    if not level:
        return word
    background, ink = (FOR if share > 0 else AGAINST)[level - 1]
    return f"\x1b[48;5;{background};38;5;{ink}m{word}\x1b[0m"
