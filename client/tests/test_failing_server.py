"""What servers and networks do: each case has its sentence and its hint, exit code 1, and never a traceback."""

import json
import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fake_explainer import FakeExplainer, Reply, detail

Run = Callable[..., int]
Failure = Callable[[], str]
ZEROS = np.zeros((1, 28, 28)).tolist()


SERVER_ERRORS = [
    (400, {}, "--list-methods"),
    (401, {}, "--header 'Authorization"),
    (404, {}, "kubectl get inferenceservice"),
    (405, {}, ":explain"),
    (413, {}, "fewer images"),
    (500, {}, ""),
    (502, {}, "predictor's log"),
    (503, {}, "Try again in a moment"),
    (503, {"Retry-After": "7"}, "Try again in 7 s"),
    (504, {}, "--deadline_seconds"),
]


@pytest.mark.parametrize(("status", "headers", "hint"), SERVER_ERRORS)
def test_servers_sentence_and_a_hint(
    run: Run, explainer: FakeExplainer, failure: Failure, status: int, headers: dict[str, str], hint: str
) -> None:
    explainer.replies = [Reply({"error": "n_steps: 5000 is over the limit of 1000"}, status, headers)]
    assert run() == 1
    first, *rest = failure().splitlines()
    assert first == f"error: n_steps: 5000 is over the limit of 1000 (status {status})"
    assert len(rest) == (1 if hint else 0)
    assert hint in "".join(rest)


GATEWAY = b"<html><head><style>p {}</style><title>404</title></head><body>no healthy\n upstream</body></html>"
NO_ANSWERS = {
    "another framework's error": (Reply({"detail": "Not Found"}, 404), "error: Not Found (status 404)"),
    "an error of no words": (Reply({}, 400), "error: no reason given (status 400)"),
    "a list for an error": (Reply(["no"], 400), "error: ['no'] (status 400)"),
    "control characters": (Reply({"error": "a\x1b[2Jb\nc"}, 400), "error: a?[2Jb c (status 400)"),
    "a gateway's page": (
        Reply(GATEWAY, 503, {"Content-Type": "text/html"}),
        "error: The answer is not JSON (status 503, text/html): 404 no healthy upstream\nhint: Try again",
    ),
    "a page with status 200": (
        Reply(b"hi", 200, {}),
        "(status 200, no content type): hi\nhint: Check that URL",
    ),
    "an empty body": (Reply(b""), "it is empty"),
    "bytes that are no text": (Reply(b"\xff\xfe\x00"), "The answer is not JSON (status 200"),
    "nesting without end": (Reply(b"[" * 200_000), "The answer is not JSON"),
    "a redirect": (Reply(b"", 301, {"Location": "https://h/"}), "The server redirects to https://h/ (status 301)."),
    "half an answer": (Reply({"explanations": "x" * 5000}, cut=True), "broke"),
    "wrong compression": (Reply(b"no gzip", headers={"Content-Encoding": "gzip"}), "The request to http"),
    "null": (Reply(None), "it is not an object"),
    "nothing": (Reply({}), "'explanations' is NoneType, expected a list of 1"),
    "too few": (Reply({"explanations": [], "details": []}), "'explanations' is a list of 0, expected a list of 1"),
    "no details": (Reply({"explanations": [ZEROS]}), "'details' is NoneType"),
    "strange details": (Reply({"explanations": [ZEROS], "details": [7]}), "'details' does not match 'explanations'"),
    "stranger details": (Reply({"explanations": [[ZEROS]], "details": [[7]]}), "is not an object"),
    "ragged numbers": (Reply({"explanations": [[[1], [2, 3]]], "details": [detail()]}), "not an array of numbers"),
    "words": (Reply({"explanations": [[["a"]]], "details": [detail()]}), "not an array of numbers"),
    "no numbers": (Reply({"explanations": [[]], "details": [detail()]}), "has the shape [0]"),
    "one number": (Reply({"explanations": [1.5], "details": [detail()]}), "has the shape []"),
    "too many dimensions": (Reply({"explanations": [[[[[1]]]]], "details": [detail()]}), "has the shape [1, 1, 1, 1]"),
    "not finite": (
        Reply(json.dumps({"explanations": [[[float("nan")]]], "details": [detail()]}).encode()),
        "not finite",
    ),
    "beyond floats": (Reply({"explanations": [[[10**400]]], "details": [detail()]}), "not an array of numbers"),
    "AIX's shape": (Reply({"explanations": {"temp": [], "masks": []}}), "'explanations' is dict"),
    "too many rows": (
        Reply({"explanations": [[ZEROS] * 101], "details": [[detail()] * 101]}),
        "A picture takes 1 to 100 rows, got 101.",
    ),
}


@pytest.mark.parametrize("name", NO_ANSWERS)
def test_no_answer(run: Run, explainer: FakeExplainer, failure: Failure, name: str) -> None:
    reply, sentence = NO_ANSWERS[name]
    explainer.replies = [reply]
    assert run() == 1
    told = failure()
    assert sentence in told
    assert told.startswith("error: ")
    assert len(told) < 800
    assert not Path("explanation.png").exists()


@pytest.mark.parametrize("arguments", [["--list-methods"], ["--list-methods", "--method", "lime"]])
def test_no_catalogue(run: Run, explainer: FakeExplainer, failure: Failure, arguments: list[str]) -> None:
    explainer.replies = [Reply({"methods": "all"})]
    assert run(*arguments) == 1
    assert "The answer is not a list of methods." in failure()


def test_method_that_is_not_in_the_catalogue(run: Run, failure: Failure) -> None:
    assert run("--list-methods", "--method", "limes") == 1
    assert "Method 'limes' is not known to the server. Known: integrated_gradients, lime." in failure()


class TestConnection:
    def test_nothing_listens(self, run: Run, failure: Failure) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1/models/mnist:explain"
            assert run(url=url) == 1
        told = failure()
        assert f"error: Nothing listens at {url}: connection refused.\nhint: Start the server" in told
        assert "kubectl port-forward" in told

    def test_slow_server(self, run: Run, explainer: FakeExplainer, failure: Failure) -> None:
        explainer.replies = [Reply({}, pause=0.5)]
        assert run("--timeout", "0.1") == 1
        told = failure()
        assert "did not answer within 0.1 s." in told
        assert "--timeout" in told

    def test_answer_that_trickles(self, run: Run, failure: Failure, trickling_url: str) -> None:
        assert run("--timeout", "0.3", url=trickling_url) == 1
        assert "did not answer within 0.3 s." in failure()

    def test_answer_over_the_limit(
        self, run: Run, explainer: FakeExplainer, failure: Failure, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("captum_client.http.explainer.MAX_ANSWER_BYTES", 2**20)
        explainer.replies = [Reply(b"x" * (2**20 + 1))]
        assert run() == 1
        assert "The answer has more than 1 MB." in failure()

    def test_https_of_a_plain_server(self, run: Run, explainer: FakeExplainer, failure: Failure) -> None:
        assert run(url=explainer.url.replace("http", "https")) == 1
        assert "hint: If the server speaks plain HTTP" in failure()

    def test_unknown_host_name(self, run: Run, failure: Failure, monkeypatch: pytest.MonkeyPatch) -> None:
        def unknown(*_: object, **__: object) -> None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr("socket.getaddrinfo", unknown)
        assert run(url="http://nowhere.invalid/v1/models/mnist:explain") == 1
        assert "The host name in http://nowhere.invalid/v1/models/mnist:explain cannot be resolved." in failure()

    def test_proxy_that_refuses(self, run: Run, failure: Failure, monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{unused.getsockname()[1]}")
            monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{unused.getsockname()[1]}")
            assert run(url="http://explainer.invalid/v1/models/mnist:explain") == 1
        assert "The proxy did not connect to" in failure()
