"""`--workers 2`, which KServe injects into the explainer: right answers, metrics that add up, an end that is clean."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from local.servers import Pair, Server, running
from tests.explaining import examples

NAME = "fashion-mnist"
METHODS = ("saliency", "deep_lift", "gradient_shap", "kernel_shap", "layer_grad_cam")
REQUESTS = METHODS * 6
COUNT = "captum_explainer_explanation_seconds_count"

pytestmark = pytest.mark.parametrize("pair", [NAME], indirect=True)


@pytest.fixture(scope="module")
def two_workers(pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An explainer of two workers in front of the pair's predictor."""
    host = ("--predictor_host", pair.predictor.url.removeprefix("http://"))
    log = tmp_path_factory.mktemp("workers") / "explainer.log"
    with running("captum_explainer", log, "--model_name", NAME, *host, "--workers", "2") as server:
        server.wait_until_ready()
        yield server


def explain(server: Server, method: str) -> bytes:
    """Over a connection of its own, which any worker may take."""
    few = {"n_samples": 40} if method in ("gradient_shap", "kernel_shap") else {}
    layer = {"layer": "conv2"} if method.startswith("layer") else {}
    body = {"instances": examples(NAME)[:3].tolist(), "parameters": {"method": method, **few, **layer}}
    return requests.post(f"{server.url}/v1/models/{NAME}:explain", json=body, timeout=60).content


def explanations(server: Server) -> float:
    """How many explanations the server's metrics count."""
    lines = requests.get(f"{server.url}/metrics", timeout=10).text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(COUNT))


def processes_below(pid: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout
    return [int(child) for child in found.split()]


def metrics_files(server: Server) -> list[Path]:
    """One for each process that has explained something: in the folder that its workers were told."""
    worker = processes_below(server.process.pid)[-1]
    environment = Path(f"/proc/{worker}/environ").read_text().split("\0")
    folder = next(line.partition("=")[2] for line in environment if line.startswith("PROMETHEUS_MULTIPROC_DIR="))
    return list(Path(folder).glob("histogram_*.db"))


def test_two_workers_answer_as_one_and_their_metrics_are_the_sum(pair: Pair, two_workers: Server) -> None:
    expected = {method: explain(pair.explainer, method) for method in METHODS}
    assert explanations(two_workers) == 0
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda method: explain(two_workers, method), REQUESTS))
    for method, answer in zip(REQUESTS, answers, strict=True):
        assert answer == expected[method], method
    assert len(metrics_files(two_workers)) == 2
    # Whichever worker is asked for the metrics gives those of both.
    assert {explanations(two_workers) for _ in range(8)} == {len(REQUESTS)}


def test_sigterm_ends_the_server_and_its_workers(two_workers: Server) -> None:
    below = processes_below(two_workers.process.pid)
    assert len(below) >= 2
    two_workers.process.send_signal(signal.SIGTERM)
    assert two_workers.process.wait(20) == 0
    end = time.monotonic() + 5
    while any(Path(f"/proc/{pid}").exists() for pid in below) and time.monotonic() < end:
        time.sleep(0.1)
    assert [pid for pid in below if Path(f"/proc/{pid}").exists()] == []
