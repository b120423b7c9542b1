"""Several explainers and predictors on this machine: which of them is saturated first.

Explainer `i` asks predictor `i modulo predictors`; the clients, which are in a process of their own, are spread evenly
over the explainers. In the rows with no predictor, a process that answers from memory stands for it
(`harness.replay`), and its CPU time is in the predictors' column. A round is four seconds of each row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep

import urllib3

from bench.harness.calls import GRID, INTEGRATED_GRADIENTS, explain_call
from bench.harness.clients import Clients, running_clients
from bench.harness.processes import cpu_seconds
from bench.harness.replay import Replay, replaying
from bench.harness.replicas_picture import draw
from bench.harness.result import Row
from bench.harness.run import Run
from local.servers import MODELS, ROOT, Server, running
from local.shipped_models import example_images

__all__ = ["ROUNDS", "draw", "measure"]

ROUNDS, SECONDS = 1, 4.0
MODEL = MODELS[0]
EXPLAINERS, PREDICTORS, CLIENTS = (1, 2, 4), (1, 2), (8, 16)
COUNTED = 10
METHODS: Mapping[str, Mapping[str, object]] = {
    "IG-50": INTEGRATED_GRADIENTS,
    "KernelSHAP-200": {"method": "kernel_shap", "n_samples": 200, **GRID},
}


def measure(run: Run) -> list[Row]:
    """The rows with one predictor, with two, and with none."""
    explainers_used = sum(used >= max(1, count) for count in (*PREDICTORS, 0) for used in EXPLAINERS)
    run.expect(len(METHODS) * len(CLIENTS) * explainers_used)
    rows: list[Row] = []
    with TemporaryDirectory(prefix="kserve-captum-") as temporary:
        folder = Path(temporary)
        for count in PREDICTORS:
            with running_predictors(count, folder) as predictors:
                hosts = [predictor.url.removeprefix("http://") for predictor in predictors]
                with running_explainers(hosts, folder) as explainers:
                    pids = [predictor.process.pid for predictor in predictors]
                    for used in (used for used in EXPLAINERS if used >= count):
                        for method in METHODS:
                            rows += _measure(run, method, count, pids, explainers[:used])
        with (
            running_predictors(1, folder) as (predictor,),
            replaying(predictor.url) as replay,
            running_explainers([replay.host], folder) as explainers,
        ):
            for method, parameters in METHODS.items():
                received, sent = count_bytes(MODEL, explainers[0], replay, parameters)
                for used in EXPLAINERS:
                    measured = _measure(run, method, 0, [replay.pid], explainers[:used])
                    rows += [row | {"bytes_to_predictor": received, "bytes_back": sent} for row in measured]
    return rows


@contextmanager
def running_predictors(count: int, folder: Path) -> Iterator[list[Server]]:
    """Predictors, ready."""
    flags = ("--model_name", MODEL, "--model_dir", str(ROOT / "models" / MODEL))
    with ExitStack() as stack:
        log = folder / "predictor.log"
        predictors = [stack.enter_context(running("captum_predictor", log, *flags)) for _ in range(count)]
        for predictor in predictors:
            predictor.wait_until_ready()
        yield predictors


@contextmanager
def running_explainers(hosts: Sequence[str], folder: Path) -> Iterator[list[Server]]:
    """As many explainers as are ever measured, in front of these predictors, ready."""
    with ExitStack() as stack:
        explainers = []
        for i in range(max(EXPLAINERS)):
            flags = ("--model_name", MODEL, "--predictor_host", hosts[i % len(hosts)])
            explainers.append(stack.enter_context(running("captum_explainer", folder / "explainer.log", *flags)))
        for explainer in explainers:
            explainer.wait_until_ready()
        yield explainers


def count_bytes(name: str, explainer: Server, replay: Replay, parameters: Mapping[str, object]) -> tuple[int, int]:
    """An explanation's bytes to the predictor and back, once the model's description is known."""
    with urllib3.PoolManager(retries=False) as client:
        explain = explain_call(client, _explain_url(name, explainer), example_images(name, 1), parameters)
        for turn in range(-1, COUNTED):
            if turn == 0:
                received, sent = replay.received.value, replay.sent.value
            explain()
    return (replay.received.value - received) // COUNTED, (replay.sent.value - sent) // COUNTED


def _explain_url(name: str, explainer: Server) -> str:
    return f"{explainer.url}/v1/models/{name}:explain"


def _measure(
    run: Run, method: str, predictors: int, pids: Sequence[int], explainers: Sequence[Server]
) -> Iterator[Row]:
    urls = [_explain_url(MODEL, explainer) for explainer in explainers]
    processes = {"predictors": pids, "explainers": [explainer.process.pid for explainer in explainers]}
    for count in CLIENTS:
        what: Row = {"method": method, "predictors": predictors, "explainers": len(explainers), "clients": count}
        with (
            run.step(", ".join(map(str, what.values()))),
            running_clients(MODEL, urls, METHODS[method], count) as clients,
        ):
            yield {
                **what,
                **_load(clients, processes, run.rounds * SECONDS),
                "bytes_to_predictor": None,
                "bytes_back": None,
            }


def _load(clients: Clients, processes: Mapping[str, Sequence[int]], seconds: float) -> dict[str, float]:
    """Explanations a second, the CPU time of each kind of process for one of them, and the CPUs that were in use."""
    assert clients.process.pid is not None
    pids = {**processes, "clients": [clients.process.pid]}

    def used() -> dict[str, float]:
        return {kind: sum(map(cpu_seconds, those)) for kind, those in pids.items()}

    with clients.explaining():
        before, begun, begin = used(), clients.done.value, perf_counter()
        sleep(seconds)
        after, done, took = used(), clients.done.value - begun, perf_counter() - begin
    cpu = {kind: after[kind] - before[kind] for kind in pids}
    each = {f"{kind}_cpu_ms": 1000 * seconds / done for kind, seconds in cpu.items()}
    return {"a_second": done / took, **each, "cpus": sum(cpu.values()) / took}
