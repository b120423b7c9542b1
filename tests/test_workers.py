"""`--workers 2`, which KServe injects into the explainer: right answers, metrics that add up, an end that is clean.

bad_input/ and test_concurrency.py run against two workers too.
"""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from local.servers import READY_SECONDS, Pair, Server, free_port, running
from tests.conftest import StartPair
from tests.support import misbehaving_predictor as misbehaving
from tests.support.explaining import EXPLANATIONS, examples
from tests.support.faults import drip
from tests.support.faulty_pair import DEADLINE, IMAGE, TARGET, assert_failed, assert_right

EXPLAINED = "captum_explainer_explanation_seconds_count"
RESPONSES = 'captum_explainer_responses_total{path="explain"'
WORKERS = 2
AT_ONCE = 8


def explain(server: Server, name: str, instances: Any, parameters: dict[str, Any]) -> requests.Response:
    """Over a connection of its own, which any worker may take."""
    body = {"instances": instances, "parameters": parameters}
    return requests.post(f"{server.url}/v1/models/{name}:explain", json=body, timeout=60)


def metric(server: Server, name: str) -> dict[str, float]:
    """The samples of a metric whose line begins with `name`, by the rest of that line."""
    lines = requests.get(f"{server.url}/metrics", timeout=10).text.splitlines()
    samples = [line.removeprefix(name).rpartition(" ") for line in lines if line.startswith(name)]
    return {labels: float(value) for labels, _, value in samples}


def explained(server: Server) -> float:
    """How many explanations the server's metrics count."""
    return sum(metric(server, EXPLAINED).values())


def processes_below(pid: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout
    return [int(child) for child in found.split()]


def metrics_files(server: Server) -> list[Path]:
    """One for each process that has explained something: in the folder that its workers were told."""
    worker = processes_below(server.process.pid)[-1]
    environment = Path(f"/proc/{worker}/environ").read_text().split("\0")
    folder = next(line.partition("=")[2] for line in environment if line.startswith("PROMETHEUS_MULTIPROC_DIR="))
    return list(Path(folder).glob("histogram_*.db"))


def explain_at_once(server: Server, name: str, instances: Any, parameters: dict[str, Any]) -> list[requests.Response]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        asked = [pool.submit(explain, server, name, instances, parameters) for _ in range(AT_ONCE)]
    return [future.result() for future in asked]


def wait_for_every_worker(server: Server, name: str, instances: Any, parameters: dict[str, Any]) -> None:
    """Ask until each worker has explained something: a server is ready as soon as one of them is."""
    end = time.monotonic() + READY_SECONDS
    while len(metrics_files(server)) < WORKERS:
        assert time.monotonic() < end
        explain_at_once(server, name, instances, parameters)


def test_two_workers_answer_as_one_and_their_metrics_are_the_sum(pair: Pair, start_pair: StartPair) -> None:
    """Every method, twice by the request and once by its resolved parameters: the bytes of the only worker's answer."""
    instances = examples(pair.name)[:2].tolist()
    two_workers = start_pair(pair.name, WORKERS).explainer
    wait_for_every_worker(two_workers, pair.name, instances, EXPLANATIONS[0])
    only = [explain(pair.explainer, pair.name, instances, parameters) for parameters in EXPLANATIONS]
    asked = [(parameters, i) for i, parameters in enumerate(EXPLANATIONS)]
    asked += asked + [(only[i].json()["parameters"], i) for i in range(len(only))]
    before = explained(two_workers)
    with ThreadPoolExecutor(6) as pool:
        answers = pool.map(lambda request: explain(two_workers, pair.name, instances, request[0]), asked)
    different = [
        parameters for (parameters, i), answer in zip(asked, answers, strict=True) if answer.content != only[i].content
    ]
    assert different == []
    # Whichever worker is asked for the metrics gives those of both.
    assert {explained(two_workers) - before for _ in range(8)} == {len(asked)}


@dataclass(frozen=True)
class Faulty:
    """An explainer of two workers, and the tests' own predictor behind it."""

    explainer: Server
    predictor: misbehaving.Predictor
    port: int


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:
    log = tmp_path_factory.mktemp("workers") / "explainer.log"
    port = free_port()
    address = ("--model_name", misbehaving.NAME, "--predictor_host", f"127.0.0.1:{port}")
    flags = (*address, "--deadline_seconds", str(DEADLINE), "--workers", str(WORKERS))
    with running("captum_explainer", log, *flags) as explainer:
        yield Faulty(explainer, misbehaving.Predictor(), port)


def test_every_worker_tells_the_predictors_faults_and_gets_over_them(faulty: Faulty) -> None:
    request = misbehaving.NAME, [IMAGE.tolist()], {"method": "saliency", "target": TARGET}

    def every(check: Callable[..., None], *arguments: Any) -> None:
        for answer in explain_at_once(faulty.explainer, *request):
            check(answer, *arguments)

    with misbehaving.serving(faulty.predictor, faulty.port):
        faulty.explainer.wait_until_ready()
        wait_for_every_worker(faulty.explainer, *request)
        before = metric(faulty.explainer, RESPONSES)
        every(assert_right)
        with faulty.predictor.doing(always=drip):
            every(assert_failed, 504, f"took longer than {DEADLINE:g} s")
        every(assert_right)
    every(assert_failed, 503, "cannot be reached")
    with misbehaving.serving(faulty.predictor, faulty.port):
        every(assert_right)
    after = metric(faulty.explainer, RESPONSES)
    counted = {status: count - before.get(status, 0) for status, count in after.items()}
    assert counted == {',status="200"}': 3 * AT_ONCE, ',status="503"}': AT_ONCE, ',status="504"}': AT_ONCE}


def test_workers_write_no_line_a_request(faulty: Faulty) -> None:
    request = misbehaving.NAME, [IMAGE.tolist()], {"method": "saliency", "target": TARGET}
    with misbehaving.serving(faulty.predictor, faulty.port):
        faulty.explainer.wait_until_ready()
        wait_for_every_worker(faulty.explainer, *request)
    lines = faulty.explainer.log.read_text().splitlines()
    assert [line for line in lines if "POST /v1" in line or "kserve.trace" in line] == []


def test_sigterm_ends_the_server_and_its_workers(faulty: Faulty) -> None:
    below = processes_below(faulty.explainer.process.pid)
    assert len(below) >= 2
    faulty.explainer.process.send_signal(signal.SIGTERM)
    assert faulty.explainer.process.wait(20) == 0
    end = time.monotonic() + 5
    while any(Path(f"/proc/{pid}").exists() for pid in below) and time.monotonic() < end:
        time.sleep(0.1)
    assert [pid for pid in below if Path(f"/proc/{pid}").exists()] == []
