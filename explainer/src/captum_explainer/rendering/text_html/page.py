"""The answer as HTML: words, coloured by how much they count.

The template decides how it looks, and this module what it shows. The HTML is ASCII, so it can also be saved as a file.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from captum_explainer.attribution.explanations import Explanations
from captum_explainer.predictor_client.description import Description
from captum_explainer.rendering.text_html.shades import Shade, choose_shades, write_gradient
from captum_explainer.rendering.text_html.visible import make_visible
from captum_explainer.rendering.written_answer import WrittenAnswer

MEDIA_TYPE = "text/html; charset=utf-8"
# If a browser opens the answer by itself and a word were not escaped, nothing would run.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
}
# Tokens that tokenizers add, such as [CLS] or </s>, and words with direction marks. They are isolated, so that their
# direction does not affect their neighbours.
ISOLATED = re.compile("\\[[A-Z]+\\]|</?[a-z]+>|<\\|[^|]*\\|>|.*[\u061c\u200e\u200f].*", re.DOTALL)
# Question answering has two attributions: the suffixes of their keys, and their titles.
ENDS = {"_start": "start of the answer", "_end": "end of the answer"}

_environment = Environment(
    loader=PackageLoader("captum_explainer.rendering", "text_html"),
    autoescape=True,
    trim_blocks=True,
    keep_trailing_newline=True,
    undefined=StrictUndefined,
)
_environment.filters["visible"] = make_visible


class Phrase(NamedTuple):
    """A part of a heading: words, and perhaps a label, the token that has it, and a probability in percent."""

    words: str
    label: str | None = None
    token: str | None = None
    share: str | None = None


class Word(NamedTuple):
    """A coloured word; `importance` is its tooltip."""

    tag: str
    text: str
    importance: str
    shade: Shade


class Row(NamedTuple):
    """Words with a heading; `scale` says which importance has the full colour."""

    heading: list[Phrase]
    scale: str
    words: list[Word]


class Figure(NamedTuple):
    """A text: its prediction, and a row for each label, or for the start and the end of an answer."""

    predicted: Phrase
    method: str
    truncated: bool
    rows: list[Row]


def write(explanations: Explanations, description: Description) -> WrittenAnswer:
    """Write a figure for each text."""
    figures = [
        _make_figure(values, details) for values, details in zip(explanations.values, explanations.details, strict=True)
    ]
    template = _environment.get_template("page.html.jinja")
    body = template.render(model=description, figures=figures, gradient=write_gradient())
    return WrittenAnswer(body.encode("ascii"), MEDIA_TYPE, HEADERS)


def _make_figure(values: Any, details: Any) -> Figure:  # noqa: ANN401 - a dictionary, or with top_k a list of them
    ranked = list(zip(values, details, strict=True)) if isinstance(values, list) else [(values, details)]
    first = ranked[0][1]
    probability = first.get("probability")
    share = None if probability is None else f"{probability:.1%}"
    return Figure(
        Phrase("predicted", str(first["prediction_label"]), first.get("token_text"), share),
        first["method"],
        bool(first.get("truncated")),
        [row for value, detail in ranked for row in _make_rows(value, detail)],
    )


def _make_rows(values: dict[str, Any], details: dict[str, Any]) -> list[Row]:
    label = details.get("target_label")
    if "importances" in values:
        heading = [Phrase("for", str(label), details.get("token_text"))] if "target_label" in details else []
        heading += _write_score(details) + _write_delta(values["delta"])
        return [_make_row(heading, values["words"], values["importances"])]
    return [
        _make_row(
            [Phrase(name, label), *_write_delta(values[f"delta{end}"])],
            values["words"],
            values[f"importances_answer{end}"],
        )
        for end, name in ENDS.items()
    ]


def _make_row(heading: list[Phrase], words: list[str], importances: Sequence[float]) -> Row:
    shades, limit = choose_shades(importances)
    coloured = [
        Word("bdi" if ISOLATED.fullmatch(word) else "span", word, f"{importance:+.3g}", shade)
        for word, importance, shade in zip(words, importances, shades, strict=True)
    ]
    return Row(heading, f"full colour at {limit:.3g}" if limit else "no word counts", coloured)


def _write_score(details: dict[str, Any]) -> list[Phrase]:
    return [Phrase(f"score {details['score']:.3g}")] if details.get("score") is not None else []


def _write_delta(delta: float | None) -> list[Phrase]:
    return [] if delta is None else [Phrase(f"delta {delta:.2g}")]
