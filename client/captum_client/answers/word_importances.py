"""Reads the explanations of texts: words and their importances."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from captum_client.answers.entries import build_answer_error, read_entries
from captum_client.answers.explanations import Explanation, read_explanation
from captum_client.http.answer import JsonAnswer

# Question answering has two attributions: the suffix of their keys, and their names.
_ENDS = {"_start": "start of the answer", "_end": "end of the answer"}


@dataclass(frozen=True)
class WordImportances:
    """A text's words as the server sends them, and an explanation whose attributions are float64 [words].

    The words may hold control characters. `part` names the attribution if the text has several, else it is "".
    `cut` is True if the text was longer than the model takes.
    """

    words: list[str]
    explanation: Explanation
    part: str
    cut: bool

    def describe(self) -> str:
        """Return for example `predicted glad (99.1 %); integrated_gradients, target glad`."""
        said = [f"predicted {self.explanation.describe_prediction()}", self.part, self.explanation.describe_method()]
        return "; ".join(filter(None, [*said, "the text is longer than the model takes and was cut off" * self.cut]))


def read_word_importances(answer: JsonAnswer, count: int) -> list[list[WordImportances]]:
    """Return the explanations of each of `count` texts: usually one, several with `top_k`, two for question answering.

    Raises QueryError if the answer does not follow the explainer's API for texts.
    """
    return [list(chain.from_iterable(rows)) for rows in read_entries(answer, count, _read_rows)]


def _read_rows(values: object, detail: Mapping[str, object], layer: str | None) -> Sequence[WordImportances]:
    if not isinstance(values, dict):
        raise build_answer_error("an explanation has no 'words': the model at URL takes no texts")
    words = values.get("words")
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise build_answer_error("'words' is not a list of strings")
    ends = {"": ""} if "importances" in values else _ENDS
    cut = bool(detail.get("truncated"))
    rows = []
    for suffix, part in ends.items():
        key = f"importances_answer{suffix}" if suffix else "importances"
        explanation = read_explanation(
            values.get(key), {**detail, "convergence_delta": values.get(f"delta{suffix}")}, layer
        )
        if explanation.attributions.shape != (len(words),):
            shape = list(explanation.attributions.shape)
            raise build_answer_error(f"{key!r} has the shape {shape}, expected [{len(words)}]")
        rows.append(WordImportances(words, explanation, part, cut))
    return rows
