"""`make bench`: the served path beside bare Captum, taking turns, in one run on one machine.

Bare is what a user writes (`harness.bare_images`): the module in torch's default layout, default threads, Captum in the
same process. Served is a JSON request over a kept-alive connection to the explainer, which asks the predictor; both are
processes of their own. The client is urllib3 with orjson: what `requests` would add, 1 to 2 ms, is not the servers'.

Each round has new processes: whether a bare one keeps its memory from call to call is decided by where its first
allocations come to lie, and it is half of its time.
"""

from __future__ import annotations

import json
import platform
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import torch
import urllib3
from captum_explainer.deadline import Deadline
from captum_explainer.predictor_client.client import PredictorClient
from captum_explainer.settings import Settings
from captum_predictor.engine.cpus import usable_cpus
from captum_predictor.engine.lanes import MOST_THREADS
from torch import Tensor

from bench.harness.bare_images import PREDICTION, SEGMENTS_A_SIDE
from bench.harness.timed_calls import timed
from local.servers import MODELS, ROOT, Pair, running_pair
from local.shipped_models import example_images

# In a round each way is called so often in a row, as a loop or a busy client would.
ROUNDS, CALLS = 7, 50
# Of what takes up to seconds: 16 images, or a thousand samples.
FEW_CALLS = 5
# Between a bare process and the served calls, so that nothing of it is left.
PAUSE_SECONDS = 0.2
BARE_SECONDS = 600.0


@dataclass(frozen=True)
class Case:
    """One row of the table: the same work, bare and served.

    Attributes:
        name: What the table says.
        method: The explainer's name of it, or `PREDICTION`.
        images: How many pictures are explained by one call.
        samples: Of the sampling methods.
        calls: In each round.
    """

    name: str
    method: str
    images: int = 1
    samples: int | None = None
    calls: int = CALLS


@dataclass
class Times:
    """Milliseconds of each call, by round."""

    bare: list[list[float]] = field(default_factory=list)
    served: list[list[float]] = field(default_factory=list)

    def ratios(self) -> list[float]:
        """Served by bare, of the medians of each round."""
        return [statistics.median(s) / statistics.median(b) for s, b in zip(self.served, self.bare, strict=True)]


def cases_of(images: int) -> list[Case]:
    """What is measured for one picture, and for several."""
    calls = CALLS if images == 1 else FEW_CALLS
    return [
        Case("saliency", "saliency", images, calls=calls),
        Case("IG, 50 steps", "integrated_gradients", images, calls=calls),
        Case("DeepLIFT", "deep_lift", images, calls=calls),
        Case("KernelSHAP, 200 samples", "kernel_shap", images, 200, calls),
    ]


CASES = [
    *cases_of(1),
    *cases_of(16),
    Case("LIME, 1,000 samples", "lime", 1, 1000, FEW_CALLS),
    Case("KernelSHAP, 1,000 samples", "kernel_shap", 1, 1000, FEW_CALLS),
    Case("prediction", PREDICTION),
]


def main() -> None:
    """Print the machine and a Markdown table of medians, 95th percentiles and their ratios."""
    print(f"{machine()}\n\n{_threads()}\n")
    print("| model | method | images | bare p50 | p95 | served p50 | p95 | served / bare | by round |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name in MODELS:
        for case, times in measure(name, CASES).items():
            all_bare, all_served = (list(chain.from_iterable(rounds)) for rounds in (times.bare, times.served))
            ratio, ratios = statistics.median(all_served) / statistics.median(all_bare), times.ratios()
            cells = [name, case.name, str(case.images), *quantiles(all_bare), *quantiles(all_served), f"{ratio:.2f}"]
            print(f"| {' | '.join(cells)} | {min(ratios):.2f} to {max(ratios):.2f} |", flush=True)


def measure(name: str, cases: Sequence[Case], rounds: int = ROUNDS) -> dict[Case, Times]:
    """Each case by both ways in turns; new servers each round, and a new bare process for each case in it."""
    found: dict[Case, Times] = defaultdict(Times)
    for _ in range(rounds):
        with running_pair(name) as pair, urllib3.PoolManager(retries=False) as client:
            for case in cases:
                found[case].bare.append(bare(name, case))
                time.sleep(PAUSE_SECONDS)
                found[case].served.append(timed(served(pair, client, case), case.calls))
    return found


def bare(name: str, case: Case) -> list[float]:
    """Milliseconds of each call of a new process that explains by Captum alone."""
    asked = {"model": name, "method": case.method, "images": case.images, "samples": case.samples, "calls": case.calls}
    command = [sys.executable, "-m", "bench.harness.bare_images"]
    process = subprocess.run(
        command, input=json.dumps(asked), stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT, timeout=BARE_SECONDS
    )
    times: list[float] = json.loads(process.stdout)
    return times


def served(pair: Pair, client: urllib3.PoolManager, case: Case) -> Callable[[], Any]:
    """The same by the servers: a call that returns the explainer's answer, or the prediction's scores."""
    inputs = example_images(pair.name, case.images)
    if case.method == PREDICTION:
        return prediction(pair, inputs.numpy())
    sampling = {"n_samples": case.samples, "segmentation": "grid", "n_segments": SEGMENTS_A_SIDE**2}
    return served_call(pair, client, inputs, method=case.method, **({} if case.samples is None else sampling))


def served_call(pair: Pair, client: urllib3.PoolManager, inputs: Tensor, **parameters: object) -> Callable[[], Any]:
    """An explanation of the inputs `[images, *input shape]` by the explainer, as JSON there and back."""
    document = {"instances": inputs.numpy(), "parameters": parameters}

    def explain() -> object:
        body = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
        response = client.request("POST", pair.explain_url, body=body, timeout=60)
        assert response.status == 200, response.data
        return orjson.loads(response.data)

    return explain


def prediction(pair: Pair, rows: np.ndarray) -> Callable[[], np.ndarray]:
    """A prediction over the explainer's own client: V2 REST with binary tensors, on a kept-alive connection."""
    deadline = Deadline(3600.0)
    client = PredictorClient(Settings(pair.name, pair.predictor.url.removeprefix("http://")))
    description = client.describe(pair.name, deadline, {})
    session = client.session(description, deadline, {})
    return lambda: session.ask(description.input_name, description.output_name, rows).value


def quantiles(samples: list[float]) -> tuple[str, str]:
    """The median and the 95th percentile, as a table shows them."""
    return f"{statistics.median(samples):.1f} ms", f"{statistics.quantiles(samples, n=20)[-1]:.1f} ms"


def machine() -> str:
    """The processor by the name that lscpu shows, and the versions."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    processor = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
    return f"{processor}, {usable_cpus()} CPUs, Python {platform.python_version()}, torch {torch.__version__}"


def _threads() -> str:
    """The threads of all three processes, whose flags are the default ones."""
    cpus, explainer = usable_cpus(), Settings("", "")
    return (
        f"Threads: bare {torch.get_num_threads()}; predictor {cpus} lanes of one each, or one lane of "
        f"{min(cpus, MOST_THREADS)} when alone; explainer {explainer.concurrency} explanations at once of one each"
    )


if __name__ == "__main__":
    main()
