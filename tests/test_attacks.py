"""Requests that would take the explainer's time or memory: they are refused soon, and others are answered meanwhile."""

from __future__ import annotations

import base64
import io
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import requests
from PIL import Image

from local.servers import Pair

pytestmark = pytest.mark.parametrize("pair", ["mnist"], indirect=True)

REFUSED_SECONDS = 3.0
HEALTH_SECONDS = 1.0
GREY = np.linspace(0, 1, 784, dtype=np.float32).reshape(1, 28, 28).round(3).tolist()
MANY = [3] * 10**6
LARGEST_GROWTH = 150 * 2**20


def parameters(method: str, **more: object) -> bytes:
    return json.dumps({"instances": [GREY], "parameters": {"method": method, **more}}).encode()


def encode_picture(side: int) -> str:
    buffer = io.BytesIO()
    Image.new("L", (side, side)).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


REFUSED = {
    "a million targets": (parameters("saliency", target=MANY), 400),
    "a million sizes": (parameters("occlusion", sliding_window_shapes=MANY), 400),
    "a million strides": (parameters("occlusion", strides=MANY), 400),
    "a million indices": (parameters("neuron_gradient", layer="conv1", neuron=MANY), 400),
    "a million metrics": (parameters("saliency", metrics=["infidelity"] * 10**6), 400),
    "a million steps": (parameters("integrated_gradients", n_steps=MANY), 400),
    "a million baselines": (parameters("integrated_gradients", baselines=MANY), 400),
    "a million instances": (json.dumps({"instances": MANY}).encode(), 413),
    "a thousand levels": (b'{"instances": [0], "parameters": {"n_steps": ' + b"[" * 990 + b"]" * 990 + b"}}", 400),
    "an answer of gigabytes": (
        json.dumps(
            {
                "instances": [{"b64": encode_picture(28)}] * 512,
                "parameters": {"method": "layer_gradient_x_activation", "layer": "conv1", "top_k": 10},
            }
        ).encode(),
        413,
    ),
    "a fit that takes a minute": (parameters("kernel_shap", segmentation="pixels", n_samples=6000), 400),
    "large pictures": (json.dumps({"instances": [{"b64": encode_picture(8000)}] * 4}).encode(), 400),
}
# The largest that are allowed.
ANSWERED = {
    "the longest fit": parameters("kernel_shap", segmentation="pixels", n_samples=4800),
    "as many targets as instances": json.dumps(
        {"instances": [{"b64": encode_picture(28)}] * 1024, "parameters": {"method": "saliency", "target": [3] * 1024}}
    ).encode(),
}


@contextmanager
def watched_health(pair: Pair) -> Iterator[list[float]]:
    """How long each question for health takes, asked again and again."""
    seconds: list[float] = []
    over = threading.Event()

    def watch() -> None:
        with requests.Session() as session:
            while not over.wait(0.02):
                began = time.monotonic()
                assert session.get(f"{pair.explainer.url}/v2/health/live", timeout=30).status_code == 200
                seconds.append(time.monotonic() - began)

    with ThreadPoolExecutor(1) as thread:
        watching = thread.submit(watch)
        try:
            yield seconds
        finally:
            over.set()
            watching.result()


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_soon_and_health_is_answered_meanwhile(name: str, pair: Pair) -> None:
    body, status = REFUSED[name]
    with watched_health(pair) as health:
        began = time.monotonic()
        response = requests.post(pair.explain_url, data=body, timeout=60)
        took = time.monotonic() - began
    assert (response.status_code, list(response.json())) == (status, ["error"])
    assert len(response.content) < 2000
    assert took < REFUSED_SECONDS
    assert max(health, default=0.0) < HEALTH_SECONDS


@pytest.mark.parametrize("name", ANSWERED)
def test_the_largest_of_its_kind_is_answered_and_health_meanwhile(name: str, pair: Pair) -> None:
    with watched_health(pair) as health:
        assert requests.post(pair.explain_url, data=ANSWERED[name], timeout=60).status_code == 200
    assert max(health, default=0.0) < HEALTH_SECONDS


def test_clients_that_are_gone_leave_no_work(pair: Pair) -> None:
    host, port = pair.explainer.url.removeprefix("http://").split(":")
    path = pair.explain_url.removeprefix(pair.explainer.url)
    for body, _ in REFUSED.values():
        for _ in range(2):
            with socket.create_connection((host, int(port))) as client:
                head = f"POST {path} HTTP/1.1\r\nHost: explainer\r\nContent-Length: {len(body)}\r\n\r\n"
                client.sendall(head.encode() + body)
    began = time.monotonic()
    assert requests.post(pair.explain_url, data=parameters("saliency"), timeout=60).status_code == 200
    assert time.monotonic() - began < REFUSED_SECONDS


def test_refused_documents_do_not_stay_in_memory(pair: Pair) -> None:
    large = json.dumps({"instances": [[GREY] * 300], "parameters": {"n_steps": "many"}}).encode()
    assert len(large) > 10**6

    def refuse(count: int) -> int:
        for _ in range(count):
            assert requests.post(pair.explain_url, data=large, timeout=60).status_code == 400
        return measure_memory(pair)

    before = refuse(10)
    assert refuse(60) - before < LARGEST_GROWTH


def measure_memory(pair: Pair) -> int:
    """The explainer's resident memory in bytes."""
    lines = Path(f"/proc/{pair.explainer.process.pid}/status").read_text().splitlines()
    (kilobytes,) = (line.split()[1] for line in lines if line.startswith("VmRSS"))
    return 1024 * int(kilobytes)
