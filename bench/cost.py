"""What an explanation costs: its time and both servers' memory, by steps, samples and images.

The servers have their default flags. Idle is what a server has in memory when it is ready, before its first call; each
case has a peak of its own, beginning at what the cases before have left.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import urllib3

from bench.harness.calls import GRID, explain_call
from bench.harness.processes import PEAK, RESIDENT, forget_peak, memory
from bench.harness.result import Row
from bench.harness.run import Run
from local.servers import MODELS, Pair, running_pair
from local.shipped_models import example_images

# In a round a case is called until it has had so many calls or so much time, at least once.
ROUNDS, MOST_CALLS, MOST_SECONDS = 1, 7, 3.0
STEPS, STEPS_OF = (1, 10, 100, 500, 1000), (1, 8, 64)
SAMPLES, SAMPLES_OF = (10, 100, 1000), (1, 8)


@dataclass(frozen=True)
class Case:
    """One row: a method with `count` steps or samples, for `images` images."""

    method: str
    counted: str
    count: int
    images: int

    @property
    def parameters(self) -> Mapping[str, object]:
        """The request's."""
        return {"method": self.method, self.counted: self.count} | (dict(GRID) if self.counted == "n_samples" else {})


@dataclass
class Cost:
    """What a case took: milliseconds of each call, and by server the peaks and what they are over idle, in MiB."""

    times: list[float] = field(default_factory=list)
    peaks: dict[str, int] = field(default_factory=dict)
    over: dict[str, int] = field(default_factory=dict)


def measure(run: Run) -> list[Row]:
    """A row for each model and case, with new servers each round."""
    found = {(name, case): Cost() for name in MODELS for case in _cases()}
    run.expect(run.rounds * len(found))
    for _ in range(run.rounds):
        for name in MODELS:
            with running_pair(name) as pair, urllib3.PoolManager(retries=False) as client:
                idle = {server: memory(pid, RESIDENT) for server, pid in _pids(pair).items()}
                for case in _cases():
                    with run.step(f"{name}, {case.method}, {case.counted} {case.count}, {case.images} images"):
                        _add(found[name, case], pair, client, case, idle)
    return [_make_row(name, case, cost) for (name, case), cost in found.items()]


def _cases() -> list[Case]:
    """From few to many, so that what a large case leaves in memory is in no smaller one's peak."""
    samples = [Case("kernel_shap", "n_samples", count, images) for count in SAMPLES for images in SAMPLES_OF]
    steps = [Case("integrated_gradients", "n_steps", count, images) for count in STEPS for images in STEPS_OF]
    return [case for cases in (samples, steps) for case in sorted(cases, key=lambda case: case.count * case.images)]


def _add(cost: Cost, pair: Pair, client: urllib3.PoolManager, case: Case, idle: Mapping[str, int]) -> None:
    explain = explain_call(client, pair.explain_url, example_images(pair.name, case.images), case.parameters)
    for pid in _pids(pair).values():
        forget_peak(pid)
    times = [_time(explain)]
    if times[0] < 1000 * MOST_SECONDS / MOST_CALLS:
        times.clear()  # the first call warmed up
    while not times or (len(times) < MOST_CALLS and sum(times) < 1000 * MOST_SECONDS):
        times.append(_time(explain))
    cost.times += times
    for server, pid in _pids(pair).items():
        peak = memory(pid, PEAK)
        cost.peaks[server] = max(peak, cost.peaks.get(server, 0))
        cost.over[server] = max(peak - idle[server], cost.over.get(server, 0))


def _make_row(name: str, case: Case, cost: Cost) -> Row:
    p50 = float(np.median(cost.times))
    peaks = {f"{server}_peak_mib": peak for server, peak in cost.peaks.items()}
    over = {f"{server}_over_idle_mib": mib for server, mib in cost.over.items()}
    each = {"p50_ms": p50, "each_step_and_image_ms": p50 / case.count / case.images}
    return {
        "model": name,
        "method": case.method,
        "steps_or_samples": case.count,
        "images": case.images,
        **each,
        **peaks,
        **over,
    }


def _pids(pair: Pair) -> dict[str, int]:
    return {"predictor": pair.predictor.process.pid, "explainer": pair.explainer.process.pid}


def _time(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - begin)
