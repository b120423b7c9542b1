# They join an emoji's parts and a script's letters, and steer nothing.
_JOINERS = "\u200c\u200d"


def make_printable(text: object, limit: int = 400) -> str:
    """One line of at most `limit` characters that cannot steer a terminal, from text that somebody else wrote."""
    line = " ".join(str(text).split())
    line = "".join(character if character.isprintable() or character in _JOINERS else "?" for character in line)
    return line if len(line) <= limit else line[: limit - 1] + "…"
