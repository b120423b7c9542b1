"""Words in a terminal: their colours, and what keeps them from steering it."""

import re

import pytest
from captum_client.answers.explanations import read_explanation
from captum_client.answers.word_importances import WordImportances
from captum_client.terminal.word_colours import AGAINST, FOR, format_words, has_colours
from fake_explainer import detail


def format_lines(words: list[str], importances: list[float], colours: bool = True) -> list[str]:
    explanation = read_explanation(importances, detail(), None)
    return list(format_words(WordImportances(words, explanation, "", cut=False), colours))


def test_colours_go_with_the_share_of_the_largest() -> None:
    line, legend = format_lines(["for", "zero", "against", "little"], [2.0, 0.0, -1.6, 0.1])
    assert line == "\x1b[48;5;52;38;5;231mfor\x1b[0m zero \x1b[48;5;25;38;5;231magainst\x1b[0m little"
    assert legend.startswith("speaks against it \x1b[48;5;17")
    assert legend.endswith(" speaks for it; full colour at 2")


def test_nothing_counts() -> None:
    assert format_lines(["a", "b"], [0.0, 0.0]) == ["a b"]


@pytest.mark.parametrize(
    ("terminal", "surroundings", "colours"),
    [
        (True, {"TERM": "xterm"}, True),
        (True, {"TERM": "xterm", "NO_COLOR": ""}, True),
        (True, {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
        (False, {"TERM": "xterm"}, False),
    ],
)
def test_where_there_are_colours(
    terminal: bool, surroundings: dict[str, str], colours: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stream:
        def isatty(self) -> bool:
            return terminal

    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in surroundings.items():
        monkeypatch.setenv(name, value)
    assert has_colours(Stream()) == colours  # type: ignore[arg-type]


@pytest.mark.parametrize("colours", [True, False])
def test_no_word_steers_the_terminal(colours: bool) -> None:
    evil = ["\x1b[2J", "\x9b2J", "a\x00b", "x\ny\rz", "gpj\u202eexe", "\x07", "\u2066"]
    shown = "\n".join(format_lines(evil, [1.0] * len(evil), colours))
    ours = re.sub(r"\x1b\[(0|48;5;\d+;38;5;\d+)m|\t|\n", "", shown)
    assert ours.isprintable()
    for word in ("?[2J", "?2J", "a?b", "x y z", "gpj?exe"):
        assert word in shown


def test_joined_emoji_and_scripts_stay_whole() -> None:
    family, persian = "👩‍👩‍👧‍👦", "می‌خواهم"
    assert format_lines([family, persian], [1.0, 1.0], colours=False) == [f"  +1\t{family}", f"  +1\t{persian}"]


def test_the_ink_is_read_on_every_colour() -> None:
    for background, ink in (*FOR, *AGAINST):
        low, high = sorted([_luminance(background), _luminance(ink)])
        assert (high + 0.05) / (low + 0.05) >= 4.5


def _luminance(colour: int) -> float:
    """Of one of xterm's cube of 6x6x6; WCAG 2.2."""
    levels = (0, 95, 135, 175, 215, 255)
    shares = [levels[(colour - 16) // step % 6] / 255 for step in (36, 6, 1)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
