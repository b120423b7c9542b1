"""Clients that keep the servers busy, and predictions beside them.

The clients are threads of a process of their own, each with a kept-alive connection, and take little of the cores.
"""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event

import orjson

from bench.harness.calls import INTEGRATED_GRADIENTS
from bench.harness.light_client import LightClient
from local.shipped_models import example_images

CLIENTS = 8
# Between two predictions, as a client that asks now and then.
PAUSE_SECONDS = 0.01
# What is under way when the clients may no longer ask is done by then.
SETTLE_SECONDS = 0.5

SPAWN = multiprocessing.get_context("spawn")


class Clients:
    """`count` clients in a process of their own, which explain while they may, evenly at the `urls`."""

    def __init__(self, urls: Sequence[str], body: bytes, count: int) -> None:
        self.count = count
        self.may, self.end, self.done = SPAWN.Event(), SPAWN.Event(), SPAWN.Value("Q", 0)
        arguments = (urls, body, count, self.may, self.end, self.done)
        self.process = SPAWN.Process(target=explain_until_end, args=arguments, daemon=True)

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

    def measure_rate(self, seconds: float) -> float:
        """Explanations a second."""
        with self.explaining():
            begun, begin = self.done.value, time.perf_counter()
            time.sleep(seconds)
            return float(self.done.value - begun) / (time.perf_counter() - begin)

    def time_beside(self, call: Callable[[], object], count: int) -> list[float]:
        """Milliseconds of each of `count` calls that are made while the clients explain."""
        with self.explaining():
            return time_now_and_then(call, count)


@contextmanager
def running_clients(
    name: str, urls: Sequence[str], parameters: Mapping[str, object] = INTEGRATED_GRADIENTS, count: int = CLIENTS
) -> Iterator[Clients]:
    """Clients that ask explainers to explain a picture of the model of this name."""
    document = {"instances": example_images(name, 1).numpy(), "parameters": parameters}
    clients = Clients(urls, orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY), count)
    clients.process.start()
    try:
        yield clients
    finally:
        clients.end.set()
        clients.may.set()
        clients.process.join()


def explain_until_end(
    urls: Sequence[str], body: bytes, count: int, may: Event, end: Event, done: Synchronized[int]
) -> None:
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


def time_now_and_then(call: Callable[[], object], count: int) -> list[float]:
    """Milliseconds of each of `count` calls, with a pause before each."""
    times = []
    for _ in range(count):
        time.sleep(PAUSE_SECONDS)
        begin = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - begin))
    return times
