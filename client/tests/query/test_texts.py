"""Explaining texts: what is asked, what the terminal shows, what is written."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from captum_client.answers.explanations import read_explanation
from captum_client.answers.word_importances import WordImportances
from captum_client.terminal import word_colours
from captum_client.terminal.word_colours import AGAINST, FOR, format_words
from fake_explainer import FakeExplainer, Reply, detail

Run = Callable[..., int]
PAGE = Reply(b"<div>page</div>\n", headers={"Content-Type": "text/html; charset=utf-8"})


def text_answer(*words: str, importances: list[Any] | None = None, **changes: Any) -> dict[str, Any]:
    importances = importances or [0.5] * len(words)
    details = detail(target_label="glad", prediction_label="glad", convergence_delta=None, converged=None, **changes)
    return {
        "explanations": [{"words": list(words), "importances": importances, "delta": 0.25}],
        "details": [details],
        "parameters": {"method": "integrated_gradients"},
    }


class TestRequest:
    def test_texts_are_the_instances(self, run: Run, explainer: FakeExplainer) -> None:
        answer = text_answer("a")
        explainer.replies = [
            Reply({**answer, "explanations": answer["explanations"] * 2, "details": answer["details"] * 2})
        ]
        assert run("--text", "not good", "--text", "שלום 🎉", "--target", "glad", "--method", "lime") == 0
        (call,) = explainer.calls
        assert call.json == {
            "instances": ["not good", "שלום 🎉"],
            "parameters": {"target": "glad", "method": "lime"},
        }

    def test_a_question_has_its_context(self, run: Run, explainer: FakeExplainer, capsys: Any) -> None:
        ends = {"importances_answer_start": [1, 0], "importances_answer_end": [0, -2], "delta_start": 0.5}
        answer = text_answer()
        answer["explanations"] = [{"words": ["in", "Rome"], **ends, "delta_end": None}]
        explainer.replies = [Reply(answer)]
        assert run("--question", "Where?", "--context", "In Rome.") == 0
        assert explainer.calls[0].json == {"instances": [{"question": "Where?", "context": "In Rome."}]}
        assert capsys.readouterr().out.splitlines() == [
            "predicted glad (99.9 %); start of the answer; integrated_gradients, target glad, convergence delta 0.5",
            "  +1\tin",
            "  +0\tRome",
            "predicted glad (99.9 %); end of the answer; integrated_gradients, target glad",
            "  +0\tin",
            "  -2\tRome",
        ]


class TestOutput:
    def test_writes_the_servers_html(self, run: Run, explainer: FakeExplainer, capsys: Any) -> None:
        explainer.replies = [Reply(text_answer("a")), PAGE, Reply(text_answer("a")), PAGE]
        assert run("--text", "a", "--method", "lime", "--method", "saliency", "--output", "why.html") == 0
        assert Path("why.html").read_text() == "<div>page</div>\n" * 2
        asked = [(call.json["parameters"]["method"], call.json.get("render")) for call in explainer.calls]
        assert asked == [("lime", None), ("lime", "html"), ("saliency", None), ("saliency", "html")]
        assert capsys.readouterr().out.endswith("Wrote why.html\n")

    def test_a_refusal_is_the_servers_sentence(self, run: Run, explainer: FakeExplainer, failure: Any) -> None:
        explainer.replies = [Reply(text_answer("a")), Reply({"error": "render is not known"}, 400)]
        assert run("--text", "a", "--output", "why.html") == 1
        assert failure().startswith("error: render is not known (status 400)")
        assert not Path("why.html").exists()

    def test_another_answer_is_not_written(self, run: Run, explainer: FakeExplainer, failure: Any) -> None:
        explainer.replies = [Reply(text_answer("a"))] * 2
        assert run("--text", "a", "--output", "why.html") == 1
        assert failure().startswith("error: The answer is not HTML but application/json.")
        assert not Path("why.html").exists()

    def test_a_folder_that_is_not_there(self, run: Run, explainer: FakeExplainer, failure: Any) -> None:
        assert run("--text", "a", "--output", "nowhere/why.html") == 1
        assert failure() == "error: --output: there is no folder nowhere.\n"
        assert explainer.calls == []

    def test_json_is_the_servers_own(self, run: Run, explainer: FakeExplainer, capsys: Any) -> None:
        explainer.replies = [Reply({"explanations": []})]
        assert run("--text", "a", "--json") == 0
        assert capsys.readouterr().out == '{"explanations": []}\n'


class TestWords:
    @pytest.fixture(autouse=True)
    def _terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.delenv("NO_COLOR", raising=False)

    def lines(self, words: list[str], importances: list[float], colours: bool = True) -> list[str]:
        explanation = read_explanation(importances, detail(), None)
        return list(format_words(WordImportances(words, explanation, "", cut=False), colours))

    def test_colours_go_with_the_share_of_the_largest(self) -> None:
        line, legend = self.lines(["for", "zero", "against", "little"], [2.0, 0.0, -1.6, 0.1])
        assert line == "\x1b[48;5;52;38;5;231mfor\x1b[0m zero \x1b[48;5;25;38;5;231magainst\x1b[0m little"
        assert legend.startswith("speaks against it \x1b[48;5;17")
        assert legend.endswith(" speaks for it; full colour at 2")

    def test_nothing_counts(self) -> None:
        assert self.lines(["a", "b"], [0.0, 0.0]) == ["a b"]

    def test_colours_only_on_a_terminal_and_where_they_are_wanted(
        self, run: Run, explainer: FakeExplainer, monkeypatch: pytest.MonkeyPatch, capsys: Any
    ) -> None:
        def read_output() -> str:
            explainer.replies = [Reply(text_answer("not", "good", importances=[-0.25, 0.5]))]
            assert run("--text", "not good") == 0
            return str(capsys.readouterr().out)

        plain = (
            "predicted glad (99.9 %); integrated_gradients, target glad, convergence delta 0.25\n"
            "  -0.25\tnot\n  +0.5\tgood\n"
        )
        monkeypatch.setattr(word_colours, "has_colours", lambda stream: True)
        monkeypatch.setattr("captum_client.query.texts.has_colours", lambda stream: True)
        assert "\x1b[48;5;52;38;5;231mgood\x1b[0m" in read_output()
        monkeypatch.undo()
        assert read_output() == plain

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
        self, terminal: bool, surroundings: dict[str, str], colours: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Stream:
            def isatty(self) -> bool:
                return terminal

        for name, value in surroundings.items():
            monkeypatch.setenv(name, value)
        assert word_colours.has_colours(Stream()) == colours  # type: ignore[arg-type]

    @pytest.mark.parametrize("colours", [True, False])
    def test_no_word_steers_the_terminal(self, colours: bool) -> None:
        evil = ["\x1b[2J", "\x9b2J", "a\x00b", "x\ny\rz", "gpj\u202eexe", "\x07", "\u2066"]
        shown = "\n".join(self.lines(evil, [1.0] * len(evil), colours))
        ours = re.sub(r"\x1b\[(0|48;5;\d+;38;5;\d+)m|\t|\n", "", shown)
        assert ours.isprintable()
        for word in ("?[2J", "?2J", "a?b", "x y z", "gpj?exe"):
            assert word in shown

    def test_joined_emoji_and_scripts_stay_whole(self) -> None:
        family, persian = "👩‍👩‍👧‍👦", "می‌خواهم"
        assert self.lines([family, persian], [1.0, 1.0], colours=False) == [f"  +1\t{family}", f"  +1\t{persian}"]

    def test_what_is_cut_off_is_said(self, run: Run, explainer: FakeExplainer, capsys: Any) -> None:
        explainer.replies = [Reply(text_answer("a", truncated=3))]
        assert run("--text", "a") == 0
        assert "the text is longer than the model takes, and cut off" in capsys.readouterr().out


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


@pytest.mark.parametrize(
    ("explanation", "sentence"),
    [
        ([[0.5]], "an explanation has no 'words': URL's model takes no texts"),
        ({"words": [1], "importances": [1]}, "'words' is not a list of strings"),
        ({"words": ["a"], "importances": [1, 2]}, "'importances' has the shape [2] where [1] was expected"),
        ({"words": ["a"], "importances": ["x"]}, "an explanation is not an array of numbers"),
        ({"words": ["a"], "importances": [None]}, "an explanation has values that are not finite"),
        ({"words": ["a"]}, "an explanation has the shape []"),
    ],
)
def test_an_answer_that_is_none_of_texts(
    run: Run, explainer: FakeExplainer, failure: Any, explanation: Any, sentence: str
) -> None:
    explainer.replies = [Reply({**text_answer("a"), "explanations": [explanation]})]
    assert run("--text", "a") == 1
    assert sentence in failure()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--text", "a", "--output", "x.png"], "--output: x.png is to end in .html"),
        (["0", "--output", "x.html"], "--output: x.html is to end in .png, .pdf, .svg"),
        (["--question", "a"], "--question and --context go together"),
        (["--context", "a"], "--question and --context go together"),
        (["--question", "a", "--context", "b", "--text", "c"], "--text does not go with --question"),
        (["--text", "a", "--image", "b.png"], "--image does not go with texts"),
        (["--text", "\udcff"], "argument --text: it is not UTF-8"),
    ],
)
def test_wrong_usage(run: Run, explainer: FakeExplainer, failure: Any, arguments: list[str], sentence: str) -> None:
    assert run(*arguments) == 2
    assert sentence in failure()
    assert explainer.calls == []
