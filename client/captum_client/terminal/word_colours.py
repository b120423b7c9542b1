"""Words in a terminal: coloured by what they count, or where there are no colours a line each."""

import os
from collections.abc import Iterator
from typing import TextIO

from captum_client.answers.word_importances import WordImportances
from captum_client.printable import make_printable

# Of the 256 colours those next to the server's own, RdBu_r: red speaks for the target, blue against it. The pairs are a
# background and the ink that is read on it, from the faintest.
FOR = ((224, 16), (216, 16), (167, 16), (124, 231), (52, 231))
AGAINST = ((189, 16), (110, 16), (68, 16), (25, 231), (17, 231))
_LONGEST = 100


def has_colours(stream: TextIO) -> bool:
    """Whether a stream is a terminal that shows colours, and nobody asked for none (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def format_words(row: WordImportances, colours: bool) -> Iterator[str]:
    """The lines that show `row`; nothing in its words can steer the terminal."""
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
    """What the colours say; `limit` is the importance that has the full colour."""
    levels = len(FOR)
    bar = "".join(_paint(" ", step / levels) for step in range(-levels, levels + 1))
    return f"speaks against it {bar} speaks for it; full colour at {limit:.3g}"


def _paint(word: str, share: float) -> str:
    level = round(abs(share) * len(FOR))
    if not level:
        return word
    background, ink = (FOR if share > 0 else AGAINST)[level - 1]
    return f"\x1b[48;5;{background};38;5;{ink}m{word}\x1b[0m"
