"""A client that hangs up: nothing more is asked of the predictor for it."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest
import requests

from tests.support.faulty_pair import IMAGE, Pair, faulty_pair, until
from tests.support.misbehaving_predictor import NAME, Answer, Handler, Predictor

ROW_BY_ROW = {"method": "integrated_gradients", "n_steps": 40, "internal_batch_size": 1}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """It explains one request at once, and its deadline is too far off to end what the hang-up should."""
    flags = ("--concurrency", "1", "--deadline_seconds", "30")
    with faulty_pair(tmp_path_factory.mktemp("hang-ups"), Predictor(), *flags) as pair:
        yield pair


def held(handler: Handler, answer: Answer) -> None:
    """Give the right answer when the test lets go."""
    handler.predictor.released.wait(30)
    handler.send(answer)


def client_gone(pair: Pair) -> bool:
    """Whether the explainer has counted a client that hung up."""
    lines = requests.get(f"{pair.explainer.url}/metrics", timeout=10).text.splitlines()
    return 'captum_explainer_responses_total{path="explain",status="499"} 1.0' in lines


def test_an_explanation_that_nobody_waits_for_ends_at_its_next_call(pair: Pair) -> None:
    assert pair.explain(**ROW_BY_ROW).status_code == 200
    with pair.predictor.doing(held):
        body = json.dumps({"instances": [IMAGE.tolist()], "parameters": ROW_BY_ROW}).encode()
        head = f"POST /v1/models/{NAME}:explain HTTP/1.1\r\nHost: explainer\r\nContent-Length: {len(body)}\r\n\r\n"
        host, port = pair.explainer.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as client:
            client.sendall(head.encode() + body)
            until(lambda: len(pair.predictor.seen) == 1)
        until(lambda: client_gone(pair))
        pair.predictor.released.set()
        # The one thread takes this when it is done with the other.
        assert pair.explain(method="saliency").status_code == 200
        after = len(pair.predictor.seen) - 1
        pair.predictor.seen.clear()
        assert pair.explain(method="saliency").status_code == 200
        assert len(pair.predictor.seen) == after
