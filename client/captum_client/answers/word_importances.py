"""An answer about texts, checked: words, and what each counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from captum_client.answers.entries import read_each, unexpected
from captum_client.answers.explanations import Explanation, described
from captum_client.http.answer import Answer

# Question answering has two attributions; the suffix of their keys, and what they are.
_ENDS = {"_start": "start of the answer", "_end": "end of the answer"}


@dataclass(frozen=True)
class Words:
    """Words as the server sends them, unprinted, and their importances, float64 [words], in the explanation.

    `part` says which of a text's attributions it is; "" where there is one. `cut` is whether the model took it all.
    """

    words: list[str]
    explanation: Explanation
    part: str
    cut: bool

    def heading(self) -> str:
        """As in `predicted glad (99.1 %); integrated_gradients, target glad`."""
        said = [f"predicted {self.explanation.prediction_words()}", self.part, self.explanation.method_words()]
        return "; ".join(filter(None, [*said, "the text is longer than the model takes, and cut off" * self.cut]))


def read_words(answer: Answer, count: int) -> list[list[Words]]:
    """The words of each of `count` texts: a row, or several with `top_k`, and of question answering two.

    Raises QueryError where the answer is not what the explainer's API promises of texts.
    """
    return [list(chain.from_iterable(rows)) for rows in read_each(answer, count, _rows)]


def _rows(values: object, detail: Mapping[str, object], layer: str | None) -> Sequence[Words]:
    if not isinstance(values, dict):
        raise unexpected("an explanation has no 'words': URL's model takes no texts")
    words = values.get("words")
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise unexpected("'words' is not a list of strings")
    ends = {"": ""} if "importances" in values else _ENDS
    cut = bool(detail.get("truncated"))
    rows = []
    for suffix, part in ends.items():
        key = f"importances_answer{suffix}" if suffix else "importances"
        explanation = described(values.get(key), {**detail, "convergence_delta": values.get(f"delta{suffix}")}, layer)
        if explanation.attributions.shape != (len(words),):
            shape = list(explanation.attributions.shape)
            raise unexpected(f"{key!r} has the shape {shape} where [{len(words)}] was expected")
        rows.append(Words(words, explanation, part, cut))
    return rows
