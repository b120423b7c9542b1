"""Both servers, as a user starts them: one pair a model, for all system tests."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).resolve().parents[1]
MODELS = ("mnist", "fashion-mnist")
READY_SECONDS = 90


@dataclass(frozen=True)
class Server:
    """A server process of the tests' own."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path


@dataclass(frozen=True)
class Pair:
    """A predictor and its explainer."""

    name: str
    predictor: Server
    explainer: Server

    @property
    def explain_url(self) -> str:
        return f"{self.explainer.url}/v1/models/{self.name}:explain"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(module: str, log: Path, *flags: str, port: int | None = None) -> Iterator[Server]:
    """A server started as `python -m module`, on a free port of the loopback, ended with the context."""
    port = port or free_port()
    command = [sys.executable, "-m", module, "--host", "127.0.0.1", "--http_port", str(port), *flags]
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    try:
        yield Server(process, f"http://127.0.0.1:{port}", log)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_ready(server: Server) -> None:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        if server.process.poll() is not None:
            break
        try:
            if requests.get(f"{server.url}/v2/health/ready", timeout=2).status_code == 200:
                return
        except requests.RequestException:
            pass
        time.sleep(0.1)
    pytest.fail(f"{server.url} did not get ready:\n{server.log.read_text()[-3000:]}")


@contextmanager
def running_pair(name: str, folder: Path, *explainer_flags: str) -> Iterator[Pair]:
    """A predictor of a shipped model and an explainer in front of it, both ready."""
    with ExitStack() as stack:
        model = ("--model_name", name)
        directory = str(ROOT / "models" / name)
        predictor = stack.enter_context(
            running(
                "captum_predictor",
                folder / f"{name}-predictor.log",
                *model,
                "--model_dir",
                directory,
                "--enable_grpc",
                "false",
            )
        )
        address = predictor.url.removeprefix("http://")
        explainer = stack.enter_context(
            running(
                "captum_explainer",
                folder / f"{name}-explainer.log",
                *model,
                "--predictor_host",
                address,
                *explainer_flags,
            )
        )
        wait_until_ready(predictor)
        wait_until_ready(explainer)
        yield Pair(name, predictor, explainer)


@pytest.fixture(scope="session", params=MODELS)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with running_pair(request.param, tmp_path_factory.mktemp("servers")) as servers:
        yield servers
