"""Explanations of one picture and of 16: served beside Captum in one process.

Bare is what a user writes (`harness.bare_images`): the module in torch's default layout, default threads. Served is a
JSON request to the explainer, which asks the predictor; both are processes of their own, with their default flags.

Each round has new processes: whether a bare one keeps its memory from call to call is decided by where its first
allocations come to lie, and it is half of its time.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain
from typing import Any

import urllib3

from bench.harness.bare_images import PREDICTION
from bench.harness.calls import GRID, explain_call, predict_call
from bench.harness.figures import percentiles, ratios
from bench.harness.result import Row
from bench.harness.run import Run
from bench.harness.timed_calls import timed
from local.servers import MODELS, ROOT, Pair, running_pair
from local.shipped_models import example_images

ROUNDS = 5
# In a round each way is called so many times in a row, as a loop or a busy client does; fewer where a call is long.
CALLS, FEW_CALLS = 50, 5
# Between a bare process and the served calls, so that nothing of it is left.
PAUSE_SECONDS = 0.2
BARE_SECONDS = 600.0


@dataclass(frozen=True)
class Case:
    """One row: the same work, bare and served.

    Attributes:
        label: What the table says.
        method: The explainer's name for it, or `PREDICTION`.
        images: How many pictures are explained by one call.
        samples: For the sampling methods.
        calls: In each round.
    """

    label: str
    method: str
    images: int = 1
    samples: int | None = None
    calls: int = CALLS

    @property
    def parameters(self) -> Mapping[str, object]:
        """The request's."""
        return {"method": self.method} | ({} if self.samples is None else {"n_samples": self.samples, **GRID})


@dataclass
class Times:
    """Milliseconds of each call, by round."""

    bare: list[list[float]] = field(default_factory=list)
    served: list[list[float]] = field(default_factory=list)


def _cases_for(images: int) -> list[Case]:
    calls = CALLS if images == 1 else FEW_CALLS
    return [
        Case("saliency", "saliency", images, calls=calls),
        Case("IG, 50 steps", "integrated_gradients", images, calls=calls),
        Case("DeepLIFT", "deep_lift", images, calls=calls),
        Case("KernelSHAP, 200 samples", "kernel_shap", images, 200, calls),
    ]


CASES = [
    *_cases_for(1),
    Case("LIME, 1,000 samples", "lime", 1, 1000, FEW_CALLS),
    *_cases_for(16),
    Case("prediction", PREDICTION),
]


def measure(run: Run) -> list[Row]:
    """Each case both ways in turns, with new servers each round and a new bare process for each case in it."""
    return measure_cases(run, MODELS, CASES)


def measure_cases(run: Run, models: Sequence[str], cases: Sequence[Case]) -> list[Row]:
    """A row for each model and case."""
    found = {(name, case): Times() for name in models for case in cases}
    run.expect(run.rounds * len(found))
    for _ in range(run.rounds):
        for name in models:
            with running_pair(name) as pair, urllib3.PoolManager(retries=False) as client:
                for case in cases:
                    with run.step(f"{name}, {case.label}"):
                        times = found[name, case]
                        times.bare.append(_time_bare(name, case))
                        time.sleep(PAUSE_SECONDS)
                        times.served.append(timed(served_call(pair, client, case), case.calls))
    return [_make_row(name, case, times) for (name, case), times in found.items()]


def served_call(pair: Pair, client: urllib3.PoolManager, case: Case) -> Callable[[], Any]:
    """A case as the servers do it: a call that returns the explainer's answer, or the predictor's."""
    if case.method == PREDICTION:
        return predict_call(client, pair)
    return explain_call(client, pair.explain_url, example_images(pair.name, case.images), case.parameters)


def _time_bare(name: str, case: Case) -> list[float]:
    """Milliseconds of each call of a new process that explains by Captum alone."""
    asked = {"model": name} | {key: value for key, value in asdict(case).items() if key != "label"}
    command = [sys.executable, "-m", "bench.harness.bare_images"]
    process = subprocess.run(
        command, input=json.dumps(asked), stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT, timeout=BARE_SECONDS
    )
    times: list[float] = json.loads(process.stdout)
    return times


def _make_row(name: str, case: Case, times: Times) -> Row:
    bare = percentiles("bare", [*chain.from_iterable(times.bare)], 50, 95)
    served = percentiles("served", [*chain.from_iterable(times.served)], 50, 95)
    return {"model": name, "method": case.label, "images": case.images, **bare, **served} | ratios(
        times.served, times.bare
    )
