"""What is compared, when it fails, and what the report says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools.answer_differences import Answer
from tools.checkout_servers import EXPLAINER, PREDICTOR, SOURCES, STAND_IN, NotReady, check_checkout, run_servers
from tools.compare_answers import ROOT, Report
from tools.compared_requests import PICTURES, TEXTS, Asked, list_requests

METHODS = {
    "saliency": {"abs": {}, "output": {"enum": ["logit", "probability"]}, "smooth": {}},
    "layer_lrp": {"layer": {}, "output": {"enum": ["logit"]}},
    "kernel_shap": {"n_samples": {}, "segmentation": {}, "output": {"enum": ["probability"]}},
}
GOOD, MISTAKE = Asked("methods", "/explain"), Asked("mistakes", "/explain", refused=True)


def refusal(sentence: str) -> Answer:
    return Answer(400, {}, b'{"error": "%s"}' % sentence.encode())


def test_equal_answers_pass() -> None:
    report = Report()
    report.add(GOOD, Answer(200, {}, b"1"), Answer(200, {}, b"1"))
    report.add(MISTAKE, refusal("a"), refusal("a"))
    assert not report.fails(False, [])
    assert "all                       2       0                 0" in str(report)


def test_a_difference_fails_unless_its_kind_may_differ() -> None:
    report = Report()
    report.add(GOOD, Answer(200, {}, b"1"), Answer(200, {}, b"2"))
    assert report.fails(True, [])
    assert not report.fails(False, ["methods"])
    assert str(report).startswith("methods: POST /explain (explainer)\n    the document: 1\n    2 in the other\n")


def test_a_sentence_fails_unless_sentences_may_differ() -> None:
    report = Report()
    report.add(MISTAKE, refusal("a"), refusal("b"))
    assert report.fails(False, [])
    assert not report.fails(True, [])


@pytest.mark.parametrize(("asked", "both"), [(GOOD, refusal("a")), (MISTAKE, Answer(200, {}, b"1"))])
def test_answers_that_were_not_meant_to_be_compared_fail(asked: Asked, both: Answer) -> None:
    report = Report()
    report.add(asked, both, both)
    assert report.fails(True, [])


def test_no_answer_at_all_fails() -> None:
    report = Report()
    report.add(MISTAKE, Answer(0, {}, b"ConnectionError"), Answer(0, {}, b"ConnectionError"))
    assert report.fails(True, [])


@pytest.mark.parametrize("model", [*PICTURES, *TEXTS])
def test_every_method_and_server_is_asked_and_no_request_twice(model: str) -> None:
    asked = list(list_requests(model, METHODS))
    servers = {PREDICTOR, EXPLAINER} | ({STAND_IN} if model != "fashion-mnist" else set())
    assert {one.server for one in asked} == servers
    bodies = [one.body or b"" for one in asked if one.kind == "methods"]
    assert all(any(f'"{method}"'.encode() in body for body in bodies) for method in METHODS)
    sent = [(one.server, one.verb, one.path, one.body, *one.headers.items()) for one in asked if not one.refused]
    assert len(sent) == len(set(sent))


def test_a_folder_that_is_no_checkout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match=r"has no folder serving/src; expected a checkout"):
        check_checkout(tmp_path)


def test_a_server_that_ends_is_not_waited_for_and_its_log_is_shown(tmp_path: Path) -> None:
    for source in SOURCES:
        (tmp_path / source).mkdir(parents=True)
    (tmp_path / "predictor/src/captum_predictor.py").write_text("raise SystemExit('no such model')")
    (tmp_path / "explainer/src/captum_explainer.py").write_text("")
    with pytest.raises(NotReady, match="no such model"), run_servers(tmp_path, "fashion-mnist", tmp_path):
        pass


@pytest.mark.parametrize("command", [["-m", "tools.compare_answers"], ["tools/compare_answers.py"]])
def test_it_runs_as_a_module_and_as_a_script(command: list[str], tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, *command, tmp_path], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2
    assert "expected a checkout of this project" in ended.stderr
