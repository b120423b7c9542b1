"""`make bench`: the served path beside bare Captum, interleaved, in one run on one machine.

Bare is what a user writes: the module in torch's default layout, default threads, Captum in the same process. Served is
a JSON request over a kept-alive connection to the explainer, which asks the predictor; both are processes of their own.
"""

from __future__ import annotations

import platform
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import requests
import torch
from captum.attr import DeepLift, IntegratedGradients, KernelShap, Saliency
from captum_explainer.captum_warnings import ignore_expected_warnings
from captum_explainer.deadline import Deadline
from captum_explainer.predictor.client import PredictorClient
from captum_explainer.settings import Settings
from captum_predictor.cpus import usable_cpus
from captum_predictor.lanes import MOST_THREADS
from captum_predictor.model_directory import load_model
from PIL import Image
from torch import Tensor, nn

from local.servers import MODELS, ROOT, Pair, running_pair

ROUNDS = 100
WARM_UP = 5
# The bare call's OpenMP threads spin for a moment after their work, and would take a core from the servers.
PAUSE_SECONDS = 0.01
PATCH = 4


@dataclass(frozen=True)
class Case:
    """One row of the table: the same work, bare and served."""

    name: str
    images: int
    bare: Callable[[], object]
    served: Callable[[], object]


def main() -> None:
    """Print the machine and a Markdown table of medians, 95th percentiles and their ratios."""
    ignore_expected_warnings()
    warnings.filterwarnings("ignore", "You are providing multiple inputs for Lime")  # bare KernelSHAP of 16 images
    print(f"{machine()}\n\n{_threads()}\n")
    print("| model | method | images | bare p50 | p95 | served p50 | p95 | served / bare |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name in MODELS:
        with running_pair(name) as pair, _session() as session:
            for case in _cases(pair, session):
                bare, served = interleaved(case.bare, case.served)
                ratio = statistics.median(served) / statistics.median(bare)
                cells = [name, case.name, str(case.images), *quantiles(bare), *quantiles(served), f"{ratio:.2f}"]
                print(f"| {' | '.join(cells)} |", flush=True)


def _cases(pair: Pair, session: requests.Session) -> Iterator[Case]:
    module = user_module(pair.name)
    pictures = [Image.open(ROOT / "models" / pair.name / "examples" / f"{i}.png") for i in range(10)]
    images = torch.from_numpy(np.stack([np.asarray(p, dtype=np.float32)[None] / 255 for p in pictures]))
    patches = torch.arange((28 // PATCH) ** 2).reshape(28 // PATCH, -1)
    mask = patches.repeat_interleave(PATCH, 0).repeat_interleave(PATCH, 1)[None, None]
    for count in (1, 16):
        inputs = images[torch.arange(count) % len(images)]
        target = module(inputs).argmax(1)

        saliency, ig, deep_lift, shap = (c(module) for c in (Saliency, IntegratedGradients, DeepLift, KernelShap))
        yield Case(
            "saliency", count, _bare(saliency, inputs, target), _served(pair, session, inputs, method="saliency")
        )
        yield Case(
            "IG, 50 steps",
            count,
            _bare(ig, inputs, target),
            _served(pair, session, inputs, method="integrated_gradients"),
        )
        yield Case(
            "DeepLIFT", count, _bare(deep_lift, inputs, target), _served(pair, session, inputs, method="deep_lift")
        )
        arguments = {"feature_mask": mask, "n_samples": 200, "perturbations_per_eval": 200}
        grid = {"method": "kernel_shap", "n_samples": 200, "segmentation": "grid", "n_segments": patches.numel()}
        yield Case(
            "KernelSHAP, 200 samples",
            count,
            _bare(shap, inputs, target, **arguments),
            _served(pair, session, inputs, **grid),
        )
    one = images[:1]
    yield Case("prediction", 1, lambda: module(one), _prediction(pair, one.numpy()))


def _bare(explainer: object, inputs: Tensor, target: Tensor, **arguments: object) -> Callable[[], object]:
    return lambda: explainer.attribute(inputs, target=target, **arguments)  # type: ignore[attr-defined]


def _served(pair: Pair, session: requests.Session, inputs: Tensor, **parameters: object) -> Callable[[], object]:
    body = {"instances": inputs.numpy().tolist(), "parameters": parameters}
    return lambda: session.post(pair.explain_url, json=body, timeout=60).raise_for_status()


def _prediction(pair: Pair, rows: np.ndarray) -> Callable[[], object]:
    """A prediction over the explainer's own client: V2 REST with binary tensors, on a kept-alive connection."""
    deadline = Deadline(3600.0)
    client = PredictorClient(Settings(pair.name, pair.predictor.url.removeprefix("http://")))
    description = client.describe(pair.name, deadline, {})
    session = client.session(description, deadline, {})
    return lambda: session.ask(description.input_name, description.output_name, rows)


def user_module(name: str) -> nn.Module:
    """The shipped network as a user would hold it: torch's default layout, gradients on its weights."""
    stages = load_model(ROOT / "models" / name, device="cpu").stages
    module = nn.Sequential(*(stage.module for stage in stages)).requires_grad_(True).eval()
    for weights in module.parameters():
        # Not contiguous(): of one input channel it keeps the strides by which torch knows channels_last.
        weights.data = torch.empty(weights.shape).copy_(weights.data)
    return module


def interleaved(*calls: Callable[[], object]) -> list[list[float]]:
    """Milliseconds of each call, `ROUNDS` of them; the calls take turns."""
    times: list[list[float]] = [[] for _ in calls]
    for turn in range(WARM_UP + ROUNDS):
        for call, samples in zip(calls, times, strict=True):
            time.sleep(PAUSE_SECONDS)
            started = time.perf_counter()
            call()
            if turn >= WARM_UP:
                samples.append(1000 * (time.perf_counter() - started))
    return times


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


@contextmanager
def _session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


if __name__ == "__main__":
    main()
