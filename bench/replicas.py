"""`make bench-replicas`: explainers and predictors side by side on this machine, and which of them saturates first.

Explainer `i` asks predictor `i modulo predictors`; the clients, which are in a process of their own, are spread evenly
over the explainers. In the rows with no predictor, a process that answers from memory stands for it
(`bench.harness.replay`), and its CPU time is in the predictors' column.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep

import orjson
import urllib3

from bench.harness.processes import cpu_seconds
from bench.harness.replay import Replay, replaying
from bench.images import machine
from bench.load import INTEGRATED_GRADIENTS, Clients, clients_of
from local.servers import MODELS, ROOT, Server, running
from local.shipped_models import example_images

EXPLAINERS = (1, 2, 4)
PREDICTORS = (1, 2)
CLIENTS = (8, 16)
SECONDS = 4.0
COUNTED = 10
KINDS = ("predictors", "explainers", "clients")
METHODS: Mapping[str, Mapping[str, object]] = {
    "IG-50": INTEGRATED_GRADIENTS,
    "KernelSHAP-200": {"method": "kernel_shap", "n_samples": 200, "segmentation": "grid", "n_segments": 49},
}


@dataclass(frozen=True)
class Load:
    """One row: so many explanations a second, and the CPU time of each kind of process for one of them, in ms."""

    method: str
    predictors: int
    explainers: int
    clients: int
    a_second: float
    cpu: dict[str, float]


def main() -> None:
    """Print the machine, the bytes on the wire, and a Markdown table; write the rows as JSON where they are wanted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=MODELS, default=MODELS[0])
    parser.add_argument("--method", choices=METHODS, action="append", help="one of them; by default all")
    parser.add_argument("--json", type=Path, help="a file to add the rows to, for bench.harness.replicas_picture")
    options = parser.parse_args()
    print(f"{options.model}; {machine()}\n")
    heads = ("method", "predictors", "explainers", "clients", "a second", *(f"{kind}' CPU" for kind in KINDS), "CPUs")
    print(f"| {' | '.join(heads)} |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    methods = {name: METHODS[name] for name in options.method or METHODS}
    loads = []
    for load in loads_of(options.model, methods):
        cpus = load.a_second * sum(load.cpu.values()) / 1000
        cells = [load.method, str(load.predictors or "none"), str(load.explainers), str(load.clients)]
        cells += [f"{load.a_second:.0f}", *(f"{ms:.1f} ms" for ms in load.cpu.values()), f"{cpus:.2f}"]
        print(f"| {' | '.join(cells)} |", flush=True)
        loads.append(load)
    if options.json:
        known = json.loads(options.json.read_text()) if options.json.exists() else []
        options.json.write_text(json.dumps([*known, *map(asdict, loads)], indent=1) + "\n")


def loads_of(name: str, methods: Mapping[str, Mapping[str, object]]) -> Iterator[Load]:
    """The rows of a model, from one predictor to two, and then of none."""
    with TemporaryDirectory(prefix="kserve-captum-") as folder:
        for count in PREDICTORS:
            with predictors_of(name, count, Path(folder)) as predictors:
                hosts = [predictor.url.removeprefix("http://") for predictor in predictors]
                with explainers_of(name, hosts, Path(folder)) as explainers:
                    pids = [predictor.process.pid for predictor in predictors]
                    for of in (of for of in EXPLAINERS if of >= count):
                        for method in methods:
                            yield from _measured(name, method, count, pids, explainers[:of])
        with (
            predictors_of(name, 1, Path(folder)) as (predictor,),
            replaying(predictor.url) as replay,
            explainers_of(name, [replay.host], Path(folder)) as explainers,
        ):
            for method, parameters in methods.items():
                for of in EXPLAINERS:
                    yield from _measured(name, method, 0, [replay.pid], explainers[:of])
                received, sent = bytes_of(name, explainers[0], replay, parameters)
                print(f"\n{method}: {received:,} bytes to the predictor and {sent:,} back, an explanation\n")


@contextmanager
def predictors_of(name: str, count: int, folder: Path) -> Iterator[list[Server]]:
    """Predictors of a model, ready."""
    flags = ("--model_name", name, "--model_dir", str(ROOT / "models" / name), "--enable_grpc", "false")
    with ExitStack() as stack:
        log = folder / "predictor.log"
        predictors = [stack.enter_context(running("captum_predictor", log, *flags)) for _ in range(count)]
        for predictor in predictors:
            predictor.wait_until_ready()
        yield predictors


@contextmanager
def explainers_of(name: str, hosts: Sequence[str], folder: Path) -> Iterator[list[Server]]:
    """As many explainers as are ever measured, in front of these predictors, ready."""
    with ExitStack() as stack:
        explainers = []
        for i in range(max(EXPLAINERS)):
            flags = ("--model_name", name, "--predictor_host", hosts[i % len(hosts)])
            explainers.append(stack.enter_context(running("captum_explainer", folder / "explainer.log", *flags)))
        for explainer in explainers:
            explainer.wait_until_ready()
        yield explainers


def bytes_of(name: str, explainer: Server, replay: Replay, parameters: Mapping[str, object]) -> tuple[int, int]:
    """The bytes of an explanation that go to the predictor and come back, when the model's description is known."""
    document = {"instances": example_images(name)[:1].numpy(), "parameters": parameters}
    body = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
    with urllib3.PoolManager(retries=False, timeout=60) as client:
        for turn in range(-1, COUNTED):
            if turn == 0:
                received, sent = replay.received.value, replay.sent.value
            assert client.request("POST", explain_url(name, explainer), body=body).status == 200
    return (replay.received.value - received) // COUNTED, (replay.sent.value - sent) // COUNTED


def explain_url(name: str, explainer: Server) -> str:
    """Where an explainer is asked."""
    return f"{explainer.url}/v1/models/{name}:explain"


def _measured(
    name: str, method: str, predictors: int, pids: Sequence[int], explainers: Sequence[Server]
) -> Iterator[Load]:
    urls = [explain_url(name, explainer) for explainer in explainers]
    processes = {"predictors": pids, "explainers": [explainer.process.pid for explainer in explainers]}
    for count in CLIENTS:
        with clients_of(name, urls, METHODS[method], count) as clients:
            a_second, cpu = _under_load(clients, processes)
        yield Load(method, predictors, len(explainers), count, a_second, cpu)


def _under_load(clients: Clients, processes: Mapping[str, Sequence[int]]) -> tuple[float, dict[str, float]]:
    """Explanations a second, and each kind's CPU time for one of them in ms."""
    assert clients.process.pid is not None
    pids = {**processes, "clients": [clients.process.pid]}

    def used() -> dict[str, float]:
        return {kind: sum(map(cpu_seconds, those)) for kind, those in pids.items()}

    with clients.explaining():
        before, begun, begin = used(), clients.done.value, perf_counter()
        sleep(SECONDS)
        after, done, seconds = used(), clients.done.value - begun, perf_counter() - begin
    return done / seconds, {kind: 1000 * (after[kind] - before[kind]) / done for kind in pids}


if __name__ == "__main__":
    main()
