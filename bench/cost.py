"""What an explanation costs by its steps, samples and images: the time, and the memory of both processes.

The servers have their default flags, and the client is `bench.images`'s. Idle is what a server has in memory when it is
ready, before its first call; each case has a peak of its own, beginning at what the cases before have left.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import urllib3

from bench.harness.processes import PEAK, RESIDENT, forget_peak, memory
from bench.images import machine, served_call
from local.servers import MODELS, Pair, running_pair
from local.shipped_models import example_images

STEPS = (1, 10, 100, 1000)
STEPS_OF = (1, 8, 64)
SAMPLES = (10, 100, 1000)
SAMPLES_OF = (1, 8)
# The goal's: 500 steps of 64 images stay within so many MiB of idle, which are 150 MB.
GOAL, GOAL_MIB = (500, 64), 143
# A case is called until it has had so many calls or so much time, at least once.
MOST_CALLS, MOST_SECONDS = 7, 3.0


@dataclass(frozen=True)
class Case:
    """One row of the table: a method of `count` steps or samples, of `images` images."""

    method: str
    of: str
    count: int
    images: int

    @property
    def parameters(self) -> dict[str, object]:
        """The request's."""
        by_segments = {"segmentation": "grid", "n_segments": 49} if self.of == "n_samples" else {}
        return {"method": self.method, self.of: self.count, **by_segments}


@dataclass(frozen=True)
class Cost:
    """What a case took: seconds of each call, and the peak of each process in MiB."""

    seconds: list[float]
    peaks: dict[str, int]


def main() -> None:
    """Print the machine, and for each model a Markdown table and whether the goal of memory is met."""
    print(machine())
    for name in MODELS:
        with running_pair(name) as pair, urllib3.PoolManager(retries=False) as client:
            _print(pair, client)


def _print(pair: Pair, client: urllib3.PoolManager) -> None:
    idle = {server: memory(pid, RESIDENT) for server, pid in pids(pair).items()}
    print(f"\n{pair.name}; idle: {', '.join(f'{server} {mib} MiB' for server, mib in idle.items())}\n")
    print("| method | steps or samples | images | p50 | an image and step | predictor's peak | explainer's |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for case in cases():
        cost = measure(pair, client, case)
        p50 = 1000 * statistics.median(cost.seconds)
        over = [f"{peak} MiB (+{peak - idle[server]})" for server, peak in cost.peaks.items()]
        each = f"{p50 / case.count / case.images:.3f} ms"
        cells = [case.method, f"{case.count:,}", str(case.images), f"{p50:,.1f} ms", each, *over]
        print(f"| {' | '.join(cells)} |", flush=True)
        if (case.count, case.images) == GOAL:
            met = all(peak - idle[server] <= GOAL_MIB for server, peak in cost.peaks.items())
    print(f"\nWithin {GOAL_MIB} MiB of idle at {GOAL[0]} steps of {GOAL[1]} images: {'yes' if met else 'no'}")


def cases() -> Iterator[Case]:
    """From few to many, so that what a large case leaves in memory is in no smaller one's peak."""
    for images in SAMPLES_OF:
        yield from (Case("kernel_shap", "n_samples", count, images) for count in SAMPLES)
    for images in STEPS_OF:
        yield from (Case("integrated_gradients", "n_steps", count, images) for count in STEPS[:-1])
    yield Case("integrated_gradients", "n_steps", *GOAL)
    yield from (Case("integrated_gradients", "n_steps", STEPS[-1], images) for images in STEPS_OF)


def measure(pair: Pair, client: urllib3.PoolManager, case: Case) -> Cost:
    """Explain the case again and again, after a call to warm up where a call is short."""
    explain = served_call(pair, client, example_images(pair.name, case.images), **case.parameters)
    for pid in pids(pair).values():
        forget_peak(pid)
    seconds = [_seconds(explain)]
    if seconds[0] < MOST_SECONDS / MOST_CALLS:
        seconds.clear()
    while not seconds or (len(seconds) < MOST_CALLS and sum(seconds) < MOST_SECONDS):
        seconds.append(_seconds(explain))
    return Cost(seconds, {server: memory(pid, PEAK) for server, pid in pids(pair).items()})


def pids(pair: Pair) -> dict[str, int]:
    """The processes of a pair, by what they are."""
    return {"predictor": pair.predictor.process.pid, "explainer": pair.explainer.process.pid}


def _seconds(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
