"""`python -m local.bench_auto`: what `"n_steps": "auto"` saves against 50 steps, and how exact it is.

The first test images are explained one a request, by each way in turn, through both servers. The error of an answer is
the sum of its differences from plain Captum of 2,000 steps, in this process, over the sum of the attributions' sizes.
The calls and the rows are the explainer's own counts: the rows include the two that are scored, input and baseline.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import torch
import urllib3
from captum.attr import IntegratedGradients
from captum_predictor.model.directory import load_model
from captum_predictor.training.data_sets import DATA_SETS, read_split
from torch import Tensor, nn

from local.bench import machine, quantiles
from local.servers import MODELS, ROOT, Pair, running_pair

IMAGES, WARM_UP = 200, 5
REFERENCE_STEPS, REFERENCE_ROWS = 2000, 100
COUNTERS = ("captum_explainer_predictor_calls_total", "captum_explainer_predictor_rows_total")
WAYS: dict[str, dict[str, Any]] = {f"{steps} steps": {"n_steps": steps} for steps in (8, 16, 25, 50, 100)} | {
    f"auto, tolerance {tolerance}": {"n_steps": "auto", "tolerance": tolerance}
    for tolerance in (0.05, 0.02, 0.01, 0.005)
}


@dataclass
class Measured:
    """What one way took for each image: its steps, rows, calls, milliseconds and error."""

    steps: list[int] = field(default_factory=list)
    calls: list[float] = field(default_factory=list)
    rows: list[float] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)


def main() -> None:
    """Print the machine, and a Markdown table of every way."""
    arguments = _arguments()
    print(f"{machine()}; the first {arguments.images} test images\n")
    print("| model | steps | used: median | mean | rows, mean | calls, mean | p50 | p95 | error: median | mean | p95 |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name in arguments.model or MODELS:
        images = read_split(DATA_SETS[name], "t10k", arguments.data_dir).images[: arguments.images].float() / 255
        reference = reference_of(name, images)
        with running_pair(name) as pair:
            for way, measured in measure(pair, images, reference).items():
                print(f"| {name} | {way} | {' | '.join(_cells(measured))} |", flush=True)


def measure(pair: Pair, images: Tensor, reference: np.ndarray) -> dict[str, Measured]:
    """Every way, of images [n, 1, 28, 28] whose attributions are the reference's."""
    found = {way: Measured() for way in WAYS}
    with urllib3.PoolManager(retries=False) as client:
        for i in [*range(WARM_UP), *range(len(images))]:
            for way, parameters in WAYS.items():
                body = orjson.dumps({"instances": images[i : i + 1].tolist(), "parameters": parameters})
                calls, rows = _counts(pair, client)
                begin = time.perf_counter()
                response = client.request("POST", pair.explain_url, body=body, timeout=60)
                assert response.status == 200, response.data
                answer = orjson.loads(response.data)
                took = 1000 * (time.perf_counter() - begin)
                counted = _counts(pair, client)
                one = found[way]
                one.steps.append(answer["details"][0].get("n_steps", parameters["n_steps"]))
                one.calls.append(counted[0] - calls)
                one.rows.append(counted[1] - rows)
                one.times.append(took)
                values = np.array(answer["explanations"][0])
                one.errors.append(float(np.abs(values - reference[i]).sum() / np.abs(reference[i]).sum()))
    return {
        way: Measured(*(samples[WARM_UP:] for samples in vars(measured).values())) for way, measured in found.items()
    }


def reference_of(name: str, images: Tensor, n_steps: int = REFERENCE_STEPS) -> np.ndarray:
    """Plain Captum's attributions [n, 1, 28, 28] of many steps, for the predicted classes."""
    module = nn.Sequential(*(stage.module for stage in load_model(ROOT / "models" / name, device="cpu").stages))
    with torch.no_grad():
        targets = module(images).argmax(1).tolist()
    method = IntegratedGradients(module)
    options = {"n_steps": n_steps, "internal_batch_size": REFERENCE_ROWS}
    rows = zip(torch.split(images, 1), targets, strict=True)
    return np.concatenate([method.attribute(image, target=target, **options).numpy() for image, target in rows])


def _counts(pair: Pair, client: urllib3.PoolManager) -> tuple[float, float]:
    """The calls and the rows that the explainer has sent until now."""
    lines = client.request("GET", f"{pair.explainer.url}/metrics").data.decode().splitlines()
    calls, rows = (sum(float(line.split()[-1]) for line in lines if line.startswith(name)) for name in COUNTERS)
    return calls, rows


def _cells(measured: Measured) -> list[str]:
    return [
        f"{statistics.median(measured.steps):.0f}",
        *(f"{statistics.mean(numbers):.1f}" for numbers in (measured.steps, measured.rows)),
        f"{statistics.mean(measured.calls):.2f}",
        *quantiles(measured.times),
        f"{statistics.median(measured.errors):.1%}",
        f"{statistics.mean(measured.errors):.1%}",
        f"{np.quantile(measured.errors, 0.95):.1%}",
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.bench_auto", description=__doc__)
    parser.add_argument("--data-dir", type=Path, help="folder with mnist/ and fashion-mnist/ (default: looked for)")
    parser.add_argument("--model", action="append", choices=MODELS, help="repeatable (default: both)")
    parser.add_argument("--images", type=int, default=IMAGES, help="how many of the test set (default: %(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
