"""The pods of `helm test`, and the script that they run."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tests.manifests.rendering import CHART, Object, chart_tests
from tests.manifests.restrictions import assert_restricted

SCRIPT = CHART / "files" / "ask_for_zeros.py"
VALUES = ("--set", "model.bakedIn=0.1.0-mnist", "--set", "test.shape={1,2,3}", "--set", "image.pullSecrets[0].name=s")


def by_verb() -> list[tuple[str, Object]]:
    pods = [one for one in chart_tests(*VALUES, namespace="ns") if one["kind"] == "Pod"]
    assert [pod["metadata"]["name"] for pod in pods] == ["mnist-test-explain", "mnist-test-predict"]
    return [(pod["metadata"]["name"].rsplit("-", 1)[1], pod) for pod in pods]


def test_they_are_tests_and_run_once():
    for _, pod in by_verb():
        assert pod["metadata"]["namespace"] == "ns"
        assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
        assert pod["spec"]["restartPolicy"] == "Never"
        assert pod["spec"]["imagePullSecrets"] == [{"name": "s"}]


def test_they_reach_the_explainer_while_a_policy_keeps_others_out():
    rendered = chart_tests(*VALUES, "--set", "networkPolicy.enabled=true")
    (policy,) = [one for one in rendered if one["kind"] == "NetworkPolicy"]
    assert policy["metadata"]["annotations"]["helm.sh/hook"] == "test"
    assert int(policy["metadata"]["annotations"]["helm.sh/hook-weight"]) < 0  # before the pods
    assert policy["spec"]["podSelector"]["matchLabels"]["component"] == "explainer"
    (rule,) = policy["spec"]["ingress"]
    (peer,) = rule["from"]
    for pod in (one for one in rendered if one["kind"] == "Pod"):
        assert peer["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()


def test_without_policies_they_bring_none():
    # It would keep all others out of the explainer.
    assert {one["kind"] for one in chart_tests(*VALUES)} == {"Pod"}


def test_they_are_restricted():
    for _, pod in by_verb():
        assert_restricted(pod["spec"])


def test_they_ask_the_explainers_service_by_the_clients_image():
    for verb, pod in by_verb():
        (container,) = pod["spec"]["containers"]
        assert container["image"] == "kserve-captum/client:0.1.0"
        assert container["args"] == [
            f"http://mnist-explainer/v1/models/mnist:{verb}",
            {"predict": "predictions", "explain": "explanations"}[verb],
            "[1,2,3]",
        ]


def test_they_run_the_script_as_it_is_in_the_file():
    for _, pod in by_verb():
        (container,) = pod["spec"]["containers"]
        *python, script = container["command"]
        assert python == ["python", "-c"]
        assert script.rstrip() == SCRIPT.read_text().rstrip()


@contextmanager
def answering(*answers: tuple[int, bytes]) -> Iterator[tuple[str, list[bytes]]]:
    """A server that gives these answers, the last one again and again; and what it was sent."""
    left, got = list(answers), []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["Content-Length"])))
            status, body = left.pop(0) if len(left) > 1 else left[0]
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", got
        finally:
            server.shutdown()
            thread.join()


def ask(url: str, seconds: float) -> None:
    spec = importlib.util.spec_from_file_location("ask_for_zeros", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.SECONDS, script.PAUSE_SECONDS = seconds, 0.01
    script.main(url, "predictions", "[1, 2, 3]")


def test_the_script_asks_again_until_it_is_answered():
    early = ((503, b'{"error": "busy"}'), (200, b"not JSON"), (200, b"[]"), (200, b'{"predictions": []}'))
    with answering(*early, (200, b'{"predictions": [[1.0]]}')) as (url, got):
        ask(url, seconds=60)
    assert got == [b'{"instances": [[[[0, 0, 0], [0, 0, 0]]]]}'] * 5


def test_the_script_ends_with_what_was_wrong_last():
    with answering((400, b'{"error": "wrong shape"}')) as (url, _), pytest.raises(SystemExit) as ended:
        ask(url, seconds=0)
    assert str(ended.value).endswith('expected a list of one, got status 400 and {"error": "wrong shape"}')


def test_the_script_ends_where_nobody_listens():
    with pytest.raises(SystemExit, match="gave no predictions within 0 s: "):
        ask("http://127.0.0.1:1", seconds=0)
