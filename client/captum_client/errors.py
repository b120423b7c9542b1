"""The client's only exception."""


class QueryError(Exception):
    """An error to show to the user: one sentence and an optional hint. The command then exits with code 1."""

    def __init__(self, sentence: str, hint: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint
