"""Makes text from elsewhere safe to print in a terminal."""

# These join parts of an emoji or letters of a script, and they cannot control the terminal.
_JOINERS = "\u200c\u200d"


def make_printable(text: object, limit: int = 400) -> str:
    """Return `text` on one line of at most `limit` characters, without control characters."""
    line = " ".join(str(text).split())
    line = "".join(character if character.isprintable() or character in _JOINERS else "?" for character in line)
    return line if len(line) <= limit else line[: limit - 1] + "…"
