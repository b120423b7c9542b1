"""Explaining texts: what is asked, what the terminal shows, what is written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
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
        assert failure().startswith("error: The answer's content type is application/json, expected text/html.")
        assert not Path("why.html").exists()

    def test_a_folder_that_is_not_there(self, run: Run, explainer: FakeExplainer, failure: Any) -> None:
        assert run("--text", "a", "--output", "nowhere/why.html") == 1
        assert failure() == "error: --output: there is no folder nowhere.\n"
        assert explainer.calls == []

    def test_json_is_the_servers_own(self, run: Run, explainer: FakeExplainer, capsys: Any) -> None:
        explainer.replies = [Reply({"explanations": []})]
        assert run("--text", "a", "--json") == 0
        assert capsys.readouterr().out == '{"explanations": []}\n'


class TestTerminal:
    @pytest.fixture(autouse=True)
    def _terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.delenv("NO_COLOR", raising=False)

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
        monkeypatch.setattr("captum_client.query.texts.has_colours", lambda stream: True)
        assert "\x1b[48;5;52;38;5;231mgood\x1b[0m" in read_output()
        monkeypatch.undo()
        assert read_output() == plain

    def test_what_is_cut_off_is_said(self, run: Run, explainer: FakeExplainer, capsys: Any) -> None:
        explainer.replies = [Reply(text_answer("a", truncated=3))]
        assert run("--text", "a") == 0
        assert "the text is longer than the model takes and was cut off" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("explanation", "sentence"),
    [
        ([[0.5]], "an explanation has no 'words': the model at URL takes no texts"),
        ({"words": [1], "importances": [1]}, "'words' is not a list of strings"),
        ({"words": ["a"], "importances": [1, 2]}, "'importances' has the shape [2], expected [1]"),
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
        (["--text", "a", "--output", "x.png"], "--output: x.png must end in .html"),
        (["0", "--output", "x.html"], "--output: x.html must end in .png, .pdf, .svg"),
        (["--question", "a"], "--question and --context need each other"),
        (["--context", "a"], "--question and --context need each other"),
        (["--question", "a", "--context", "b", "--text", "c"], "--text cannot be combined with --question"),
        (["--text", "a", "--image", "b.png"], "--image cannot be combined with texts"),
        (["--text", "\udcff"], "argument --text: it is not UTF-8"),
    ],
)
def test_wrong_usage(run: Run, explainer: FakeExplainer, failure: Any, arguments: list[str], sentence: str) -> None:
    assert run(*arguments) == 2
    assert sentence in failure()
    assert explainer.calls == []
