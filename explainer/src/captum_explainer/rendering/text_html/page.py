"""The answer that is HTML: words, coloured by what they count.

It is a fragment that a page can take as it is: no scripts, no styles but its elements' own, nothing that is loaded. It
is a file of its own as well, for it is ASCII.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from captum_explainer.attribution.explanations import Explanations
from captum_explainer.predictor_client.description import Description
from captum_explainer.rendering.text_html.markup import markup
from captum_explainer.rendering.text_html.shades import gradient, shades_of
from captum_explainer.rendering.written_answer import WrittenAnswer

MEDIA_TYPE = "text/html; charset=utf-8"
# Of an answer that a browser opens by itself: should a word ever get through the escaping, nothing runs.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
}
# What tokenizers add, as in [CLS] or </s>, and words with marks of direction. They are isolated: their direction is not
# the text's, and must not reach their neighbours.
ISOLATED = re.compile("\\[[A-Z]+\\]|</?[a-z]+>|<\\|[^|]*\\|>|.*[\u061c\u200e\u200f].*", re.DOTALL)
# The paper is ours, so that the words can be read on a dark page too.
BOX = (
    "background:#fff;color:#1a1a1a;color-scheme:light;forced-color-adjust:none;print-color-adjust:exact;"
    "-webkit-print-color-adjust:exact;font:16px/1.5 system-ui,sans-serif;text-align:start;padding:1em;"
    "border-radius:.5em"
)
SMALL = "color:#595959;font-size:.875em;margin:0"
TEXT = "margin:.25em 0 1em;line-height:1.9;overflow-wrap:anywhere"
WORD = (
    "padding:.1em .2em;border-radius:.2em;white-space:pre-wrap;"
    "-webkit-box-decoration-break:clone;box-decoration-break:clone"
)
BAR = "display:inline-block;width:10em;height:.8em;border-radius:.2em;margin:0 .5em;vertical-align:middle"
# Question answering has two attributions; the suffix of their keys, and what they are.
ENDS = {"_start": "start of the answer", "_end": "end of the answer"}


class Row(NamedTuple):
    """Words, what each counts, and what is written over them, as markup."""

    words: list[str]
    importances: Sequence[float]
    heading: list[str]


def write(explanations: Explanations, description: Description) -> WrittenAnswer:
    """A figure for each text; in it a row for each label, or for the start and the end of an answer."""
    figures = [
        _figure(values, details) for values, details in zip(explanations.values, explanations.details, strict=True)
    ]
    origin = f'data-model="{markup(description.name)}" data-digest="{markup(description.digest or "")}"'
    content = "\n".join([*figures, _legend()])
    body = f'<div class="captum-text" dir="ltr" lang="en" {origin} style="{BOX}">\n{content}\n</div>\n'
    return WrittenAnswer(body.encode("ascii"), MEDIA_TYPE, HEADERS)


def _figure(values: Any, details: Any) -> str:  # noqa: ANN401 - a dictionary, or with top_k a list of them
    ranked = zip(values, details, strict=True) if isinstance(values, list) else [(values, details)]
    rows = [row for value, detail in ranked for row in _rows(value, detail)]
    first = details[0] if isinstance(details, list) else details
    caption = f'<figcaption style="margin:0">{_caption(first)}</figcaption>'
    return "\n".join(['<figure style="margin:0 0 1em">', caption, *map(_row, rows), "</figure>"])


def _rows(values: dict[str, Any], details: dict[str, Any]) -> list[Row]:
    if "importances" in values:
        heading = [f"for {_bold(details['target_label'])}{_token(details)}"] if "target_label" in details else []
        heading += _score(details) + _delta(values["delta"])
        return [Row(values["words"], values["importances"], heading)]
    label = details.get("target_label")
    answer = "" if label is None else f" {_bold(label)}"
    return [
        Row(values["words"], values[f"importances_answer{end}"], [name + answer, *_delta(values[f"delta{end}"])])
        for end, name in ENDS.items()
    ]


def _token(details: dict[str, Any]) -> str:
    """Which one, of token classification."""
    return f" at {_bold(details['token_text'])}" if "token_text" in details else ""


def _caption(details: dict[str, Any]) -> str:
    words = f"predicted {_bold(details['prediction_label'])}{_token(details)}"
    if details.get("probability") is not None:
        words += f" ({details['probability']:.1%})"
    parts = [words, markup(details["method"])]
    if details.get("truncated"):
        parts.append("<b>the text is longer than the model takes, and cut off</b>")
    return " &#183; ".join(parts)


def _row(row: Row) -> str:
    shades, limit = shades_of(row.importances)
    scale = f"full colour at {limit:.3g}" if limit else "no word counts"
    words = " ".join(
        _word(word, importance, f"background:{shade.background};color:{shade.ink};{WORD}")
        for word, importance, shade in zip(row.words, row.importances, shades, strict=True)
    )
    heading = " &#183; ".join([*row.heading, scale])
    return f'<p style="{SMALL}">{heading}</p>\n<p dir="auto" lang="" style="{TEXT}">{words}</p>'


def _word(word: str, importance: float, style: str) -> str:
    tag = "bdi" if ISOLATED.fullmatch(word) else "span"
    return f'<{tag} title="{importance:+.3g}" style="{style}">{markup(word)}</{tag}>'


def _legend() -> str:
    bar = f'<span style="{BAR};background:{gradient()}"></span>'
    return f'<p style="{SMALL}">speaks against it{bar}speaks for it</p>'


def _bold(label: object) -> str:
    return f"<b><bdi>{markup(str(label))}</bdi></b>"


def _score(details: dict[str, Any]) -> list[str]:
    return [f"score {details['score']:.3g}"] if details.get("score") is not None else []


def _delta(delta: float | None) -> list[str]:
    return [] if delta is None else [f"delta {delta:.2g}"]
