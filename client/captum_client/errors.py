class QueryError(Exception):
    """What went wrong, as one sentence for the user, and what to do about it; the command's exit code is then 1."""

    def __init__(self, sentence: str, hint: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint
