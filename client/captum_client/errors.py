# They join an emoji's parts and a script's letters, and steer nothing.
_JOINERS = "\u200c\u200d"


class QueryError(Exception):
    """What went wrong, as one sentence for the user, and what to do about it; the command's exit code is then 1."""

    def __init__(self, sentence: str, hint: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint


def printable(text: object, limit: int = 400) -> str:
    """One line of at most `limit` characters that cannot steer a terminal, from text that somebody else wrote."""
    line = " ".join(str(text).split())
    line = "".join(character if character.isprintable() or character in _JOINERS else "?" for character in line)
    return line if len(line) <= limit else line[: limit - 1] + "…"
