"""The servers under load: explanations a second, predictions meanwhile, and the time from a start until ready.

The clients are threads of a process of their own, each with a kept-alive connection, and take little of the cores. What
these could do is measured in the same run: two lanes that compute the chunks of integrated gradients with nothing
around them, as torch's own operations do, and as the predictor does.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
import urllib3
from captum_serving.process.allocator import keep_freed_memory
from captum_serving.process.reproducible_sums import reproduce_matrix_products

from bench.acceleration import CHUNK_ROWS, CHUNKS, LANES, as_served, by_torch, chunks_of, running_lanes, submit
from bench.harness.light_client import LightClient
from bench.images import machine
from local.servers import MODELS, ROOT, Pair, running, running_pair
from local.shipped_models import example_images

CLIENTS = 8
ROUNDS = 5
ROUND_SECONDS = 4.0
STARTS = 5
# Between two predictions, as of a client that asks now and then.
PAUSE_SECONDS = 0.01
# What is under way when the clients may no longer ask is done by then.
SETTLE_SECONDS = 0.5
# In each round, idle and under load.
PREDICTIONS = 300
STEPS = 50
INTEGRATED_GRADIENTS: Mapping[str, object] = {"method": "integrated_gradients", "n_steps": STEPS}

SPAWN = multiprocessing.get_context("spawn")


def main() -> None:
    """Print the machine and two Markdown tables."""
    warnings.filterwarnings("ignore", "Using padding='same' with even kernel lengths")  # mnist_cnn is that way
    keep_freed_memory()
    reproduce_matrix_products()
    print(f"{machine()}; load before: {os.getloadavg()[0]:.1f}\n")
    heads = ["model", f"IG-{STEPS} a second", "two lanes of torch's passes", "part", "of the predictor's", "part"]
    heads += ["prediction p50", "p99", "under load p50", "p99"]
    print(f"{CLIENTS} clients\n\n| {' | '.join(heads)} |")
    print(f"| --- |{' ---: |' * (len(heads) - 1)}")
    for name in MODELS:
        with running_pair(name) as pair:
            served, *alone = throughput(pair)
            cells = [f"{served:.0f}"]
            for rate in alone:
                cells += [f"{rate:.0f}", f"{served / rate:.0%}"]
            for times in predictions(pair):
                cells += [f"{statistics.median(times):.1f} ms", f"{statistics.quantiles(times, n=100)[-1]:.1f} ms"]
            print(f"| {name} | {' | '.join(cells)} |", flush=True)
    print("\n| server | start to ready, median | slowest |\n| --- | ---: | ---: |")
    for server, times in starts(MODELS[0]).items():
        print(f"| {server} | {statistics.median(times):.1f} s | {max(times):.1f} s |", flush=True)


def throughput(pair: Pair, rounds: int = ROUNDS, seconds: float = ROUND_SECONDS) -> list[float]:
    """Explanations a second: of all clients, and of the lanes alone, by torch and as the predictor computes.

    They are medians of the rounds, in which the three take turns.
    """
    alone = [chunks_of(pair.name, computing) for computing in (by_torch, as_served)]
    rates: list[list[float]] = [[] for _ in range(1 + len(alone))]
    with running_lanes(LANES) as lanes, clients_of(pair.name, [pair.explain_url]) as clients:
        for _ in range(rounds):
            rates[0].append(clients.rate(seconds))
            for chunks, samples in zip(alone, rates[1:], strict=True):
                calls = _calls_a_second(partial(submit, lanes, chunks), seconds)
                samples.append(calls * CHUNKS * CHUNK_ROWS / STEPS)
    return [statistics.median(samples) for samples in rates]


def predictions(pair: Pair, rounds: int = ROUNDS, count: int = PREDICTIONS) -> tuple[list[float], list[float]]:
    """Milliseconds of each prediction: when nothing else is asked for, and while the clients explain; in turns."""
    body = orjson.dumps({"instances": example_images(pair.name)[:1].numpy()}, option=orjson.OPT_SERIALIZE_NUMPY)
    url = f"{pair.predictor.url}/v1/models/{pair.name}:predict"
    with urllib3.PoolManager(retries=False) as client:

        def predict() -> None:
            response = client.request("POST", url, body=body, timeout=60)
            assert response.status == 200, response.data

        idle, loaded = [], []
        with clients_of(pair.name, [pair.explain_url]) as clients:
            for _ in range(rounds):
                idle += _times(predict, count)
                with clients.explaining():
                    loaded += _times(predict, count)
        return idle, loaded


def starts(name: str, count: int = STARTS) -> dict[str, list[float]]:
    """Seconds from the start of each server's process until it says that it is ready."""
    times: dict[str, list[float]] = {"predictor": [], "explainer": []}
    model = ("--model_name", name)
    directory = ("--model_dir", str(ROOT / "models" / name), "--enable_grpc", "false")
    with TemporaryDirectory(prefix="kserve-captum-") as folder:
        for _ in range(count):
            begin = time.perf_counter()
            with running("captum_predictor", Path(folder) / "predictor.log", *model, *directory) as predictor:
                predictor.wait_until_ready()
                times["predictor"].append(time.perf_counter() - begin)
                host = ("--predictor_host", predictor.url.removeprefix("http://"))
                begin = time.perf_counter()
                with running("captum_explainer", Path(folder) / "explainer.log", *model, *host) as explainer:
                    explainer.wait_until_ready()
                    times["explainer"].append(time.perf_counter() - begin)
    return times


class Clients:
    """`count` clients in a process of their own, which explain while they may, evenly at the `urls`."""

    def __init__(self, urls: Sequence[str], body: bytes, count: int) -> None:
        self.count = count
        self.may, self.end, self.done = SPAWN.Event(), SPAWN.Event(), SPAWN.Value("Q", 0)
        arguments = (urls, body, count, self.may, self.end, self.done)
        self.process = SPAWN.Process(target=explain_on, args=arguments, daemon=True)

    @contextmanager
    def explaining(self) -> Iterator[None]:
        """Explanations under way, from before the context until after it."""
        self.may.set()
        try:
            begun = self.done.value
            while self.done.value < begun + self.count:
                assert self.process.is_alive()
                time.sleep(PAUSE_SECONDS)
            yield
        finally:
            self.may.clear()
            time.sleep(SETTLE_SECONDS)

    def rate(self, seconds: float) -> float:
        """Explanations a second, over so many seconds."""
        with self.explaining():
            begun, begin = self.done.value, time.perf_counter()
            time.sleep(seconds)
            return float(self.done.value - begun) / (time.perf_counter() - begin)


@contextmanager
def clients_of(
    name: str, urls: Sequence[str], parameters: Mapping[str, object] = INTEGRATED_GRADIENTS, count: int = CLIENTS
) -> Iterator[Clients]:
    """Clients that ask explainers for explanations of a picture of the model of this name."""
    document = {"instances": example_images(name)[:1].numpy(), "parameters": parameters}
    clients = Clients(urls, orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY), count)
    clients.process.start()
    try:
        yield clients
    finally:
        clients.end.set()
        clients.may.set()
        clients.process.join()


def explain_on(urls: Sequence[str], body: bytes, count: int, may: Event, end: Event, done: Synchronized[int]) -> None:
    """Ask for explanations by `count` threads until the `end`, and count those that are `done`."""

    def ask(url: str) -> None:
        with closing(LightClient(url, body)) as client:
            while may.wait() and not end.is_set():
                client.post()
                with done.get_lock():
                    done.value += 1

    threads = [threading.Thread(target=ask, args=(urls[i % len(urls)],)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _times(call: Callable[[], object], count: int) -> list[float]:
    times = []
    for _ in range(count):
        time.sleep(PAUSE_SECONDS)
        begin = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - begin))
    return times


def _calls_a_second(call: Callable[[], object], seconds: float) -> float:
    begin, calls = time.perf_counter(), 0
    while time.perf_counter() - begin < seconds:
        call()
        calls += 1
    return calls / (time.perf_counter() - begin)


if __name__ == "__main__":
    main()
