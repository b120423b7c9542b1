"""Requests at the limits, through the gateway."""

from __future__ import annotations

import io
import time

import pytest
from PIL import Image

from tests.e2e.conftest import TIMEOUT
from tests.e2e.deployed import Deployed, picture
from tests.explaining import examples

MEBIBYTE = 1 << 20


def test_an_oversized_request_is_told_so_each_time(mnist: Deployed) -> None:
    body = b" " * (65 * MEBIBYTE)
    for _ in range(30):
        answer = mnist.ask("POST", "/v1/models/mnist:explain", data=body)
        assert answer.status_code == 413, answer.text
        assert answer.json()["error"].endswith(f"expected at most {64 * MEBIBYTE}")
    assert mnist.explain(examples("mnist")[:1].tolist()).status_code == 200


def test_an_explanation_past_its_deadline_is_our_504_before_the_gateways(mnist: Deployed) -> None:
    instances = examples("mnist")[[0] * 1000].tolist()
    begin = time.monotonic()
    answer = mnist.explain(instances, method="integrated_gradients", n_steps=1000)
    assert answer.status_code == 504, answer.text
    assert f"took longer than {TIMEOUT - 2} s" in answer.json()["error"]
    assert time.monotonic() - begin < TIMEOUT
    # Nothing of it goes on.
    begin = time.monotonic()
    assert mnist.explain(instances[:1]).status_code == 200
    assert time.monotonic() - begin < 5


def test_a_body_of_a_thousand_images(mnist: Deployed) -> None:
    instances = examples("mnist")[[i % 10 for i in range(1000)]].tolist()
    answer = mnist.explain(instances, method="saliency")
    assert answer.status_code == 200, answer.text
    explanations = answer.json()["explanations"]
    assert len(explanations) == 1000
    assert explanations[:10] == explanations[990:]


def test_a_picture_comes_through_the_gateway(mnist: Deployed) -> None:
    data = picture("mnist").read_bytes()
    answer = mnist.ask("POST", "/v1/models/mnist:explain", data=data, headers={"Accept": "image/png"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/png"), answer.text[:300]
    assert Image.open(io.BytesIO(answer.content)).size == (280, 280)


@pytest.mark.parametrize("host", ["host", "explainer_host"])
@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", "/v1/models/mnist/methods"),
        ("POST", "/explanations/mnist"),
        ("PUT", "/explanations/mnist/1.0"),
        ("POST", "/v2/models/mnist/explain"),
    ],
)
def test_the_explainers_other_paths_reach_it_on_both_hosts(mnist: Deployed, host: str, verb: str, path: str) -> None:
    answer = mnist.ask(verb, path, host=getattr(mnist, host), data=b"{}" if verb != "GET" else None)
    if answer.status_code == 200:
        assert "methods" in answer.json()
    else:
        assert "the explainer" in answer.json()["error"]
