"""An explainer in front of a predictor of the tests' own, and what must hold of its answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
import torch
from captum.attr import Saliency

from local.servers import READY_SECONDS, Server, free_port, running
from tests.support.misbehaving_predictor import INPUT, NAME, Predictor, network, serving

DEADLINE = 2.0
# Of the network and of a machine that is busy with other things.
LATE = 4.0
IMAGE = np.linspace(0, 1, 36, dtype=np.float32).reshape(INPUT)
TARGET = 1


@dataclass(frozen=True)
class Pair:
    """An explainer, and the predictor behind it that is the tests' own."""

    explainer: Server
    predictor: Predictor
    port: int

    @property
    def explain_url(self) -> str:
        return f"{self.explainer.url}/v1/models/{NAME}:explain"

    def explain(self, headers: dict[str, str] | None = None, **parameters: Any) -> requests.Response:
        body = {"instances": [IMAGE.tolist()], "parameters": {"target": TARGET, **parameters}}
        return requests.post(self.explain_url, json=body, headers=headers, timeout=30)


def start(stack: ExitStack, folder: Path, name: str, port: int, *flags: str) -> Server:
    address = ("--model_name", NAME, "--predictor_host", f"127.0.0.1:{port}")
    deadline = ("--deadline_seconds", str(DEADLINE))
    return stack.enter_context(running("captum_explainer", folder / f"{name}.log", *address, *deadline, *flags))


@contextmanager
def faulty_pair(folder: Path, predictor: Predictor, *flags: str) -> Iterator[Pair]:
    """Both of them, ready."""
    port = free_port()
    with ExitStack() as stack:
        explainer = start(stack, folder, "explainer", port, *flags)
        stack.enter_context(serving(predictor, port))
        explainer.wait_until_ready()
        yield Pair(explainer, predictor, port)


def in_process(attribute: Callable[..., torch.Tensor], **arguments: Any) -> np.ndarray:
    return attribute(torch.tensor(IMAGE)[None], target=TARGET, **arguments).detach().numpy()


def right_answer() -> np.ndarray:
    return in_process(Saliency(network()).attribute)


def assert_right(response: requests.Response) -> None:
    assert response.status_code == 200, response.text
    np.testing.assert_allclose(response.json()["explanations"], right_answer(), rtol=1e-5, atol=1e-6)


def assert_failed(response: requests.Response, status: int, sentence: str) -> None:
    assert response.status_code == status, response.text
    assert list(response.json()) == ["error"]
    assert sentence in response.json()["error"]
    assert "Traceback" not in response.text
    assert ("Retry-After" in response.headers) == (status == 503)
    assert response.elapsed.total_seconds() < DEADLINE + LATE


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def until_alive(server: Server) -> None:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        try:
            requests.get(f"{server.url}/v2/health/live", timeout=5)
            return
        except requests.RequestException:
            time.sleep(0.1)
    pytest.fail(f"the explainer did not start:\n{server.log.read_text()[-2000:]}")
