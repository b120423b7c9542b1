"""`make bench`: the served path beside bare Captum, taking turns, in one run on one machine.

Bare is what a user writes: the module in torch's default layout, default threads, Captum in the same process. Served is
a JSON request over a kept-alive connection to the explainer, which asks the predictor; both are processes of their own.
The client is urllib3 with orjson: what `requests` would add, 1 to 2 ms, is not the servers'.
"""

from __future__ import annotations

import platform
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
import torch
import urllib3
from captum.attr import DeepLift, IntegratedGradients, KernelShap, Lime, Saliency
from captum_explainer.captum_warnings import ignore_expected_warnings
from captum_explainer.deadline import Deadline
from captum_explainer.predictor.client import PredictorClient
from captum_explainer.settings import Settings
from captum_predictor.architectures import build_network
from captum_predictor.cpus import usable_cpus
from captum_predictor.lanes import MOST_THREADS
from captum_predictor.model_description import read_description
from captum_predictor.weights import FILE_NAME, load_weights
from PIL import Image
from torch import Tensor, nn

from local.servers import MODELS, ROOT, Pair, running_pair

# In a round each way is called so often in a row, as a loop or a busy client would.
ROUNDS, CALLS = 5, 50
# Of what takes up to seconds: 16 images, or a thousand samples.
FEW_CALLS = 5
# Before each row of calls: the bare call's OpenMP threads spin for 20 ms after their work, and take a core from others.
PAUSE_SECONDS = 0.2
PATCH = 4


@dataclass(frozen=True)
class Case:
    """One row of the table: the same work, bare and served."""

    name: str
    images: int
    bare: Callable[[], object]
    served: Callable[[], object]
    calls: int = CALLS


def main() -> None:
    """Print the machine and a Markdown table of medians, 95th percentiles and their ratios."""
    ignore_expected_warnings()
    warnings.filterwarnings("ignore", "You are providing multiple inputs for Lime")  # bare KernelSHAP of 16 images
    print(f"{machine()}\n\n{_threads()}\n")
    print("| model | method | images | bare p50 | p95 | served p50 | p95 | served / bare |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name in MODELS:
        with running_pair(name) as pair, urllib3.PoolManager(retries=False) as client:
            for case in _cases(pair, client):
                bare, served = interleaved(case.bare, case.served, calls_a_round=case.calls)
                ratio = statistics.median(served) / statistics.median(bare)
                cells = [name, case.name, str(case.images), *quantiles(bare), *quantiles(served), f"{ratio:.2f}"]
                print(f"| {' | '.join(cells)} |", flush=True)


def _cases(pair: Pair, client: urllib3.PoolManager) -> Iterator[Case]:
    module = user_module(pair.name)
    images = example_images(pair.name)
    for count in (1, 16):
        inputs = images[torch.arange(count) % len(images)]
        target = module(inputs).argmax(1)

        saliency, ig, deep_lift = (method(module) for method in (Saliency, IntegratedGradients, DeepLift))
        calls = CALLS if count == 1 else FEW_CALLS
        for name, bare, method in (
            ("saliency", saliency, "saliency"),
            ("IG, 50 steps", ig, "integrated_gradients"),
            ("DeepLIFT", deep_lift, "deep_lift"),
        ):
            served = served_call(pair, client, inputs, method=method)
            yield Case(name, count, _bare(bare, inputs, target), served, calls)
        shap = _sampled(pair, client, "kernel_shap", KernelShap(module), inputs, target, 200)
        yield Case("KernelSHAP, 200 samples", count, *shap, calls)
    one, target = images[:1], module(images[:1]).argmax(1)
    for name, method, bare in (("LIME", "lime", Lime(module)), ("KernelSHAP", "kernel_shap", KernelShap(module))):
        ways = _sampled(pair, client, method, bare, one, target, 1000)
        yield Case(f"{name}, 1,000 samples", 1, *ways, FEW_CALLS)
    yield Case("prediction", 1, lambda: module(one), prediction(pair, one.numpy()))


def _sampled(
    pair: Pair, client: urllib3.PoolManager, method: str, bare: object, inputs: Tensor, target: Tensor, samples: int
) -> tuple[Callable[[], object], Callable[[], object]]:
    """Bare and served by the same segments, patches of `PATCH` pixels; bare evaluates 200 samples at once."""
    patches = torch.arange((28 // PATCH) ** 2).reshape(28 // PATCH, -1)
    mask = patches.repeat_interleave(PATCH, 0).repeat_interleave(PATCH, 1)[None, None]
    arguments = {"feature_mask": mask, "n_samples": samples, "perturbations_per_eval": 200}
    grid = {"n_samples": samples, "segmentation": "grid", "n_segments": patches.numel()}
    return _bare(bare, inputs, target, **arguments), served_call(pair, client, inputs, method=method, **grid)


def _bare(explainer: object, inputs: Tensor, target: Tensor, **arguments: object) -> Callable[[], object]:
    return lambda: explainer.attribute(inputs, target=target, **arguments)  # type: ignore[attr-defined]


def served_call(pair: Pair, client: urllib3.PoolManager, inputs: Tensor, **parameters: object) -> Callable[[], object]:
    """An explanation of the inputs `[images, *input shape]` by the explainer, as JSON there and back."""
    document = {"instances": inputs.numpy(), "parameters": parameters}

    def explain() -> object:
        body = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
        response = client.request("POST", pair.explain_url, body=body, timeout=60)
        assert response.status == 200, response.data
        return orjson.loads(response.data)

    return explain


def prediction(pair: Pair, rows: np.ndarray) -> Callable[[], object]:
    """A prediction over the explainer's own client: V2 REST with binary tensors, on a kept-alive connection."""
    deadline = Deadline(3600.0)
    client = PredictorClient(Settings(pair.name, pair.predictor.url.removeprefix("http://")))
    description = client.describe(pair.name, deadline, {})
    session = client.session(description, deadline, {})
    return lambda: session.ask(description.input_name, description.output_name, rows)


def example_images(name: str) -> Tensor:
    """The ten pictures that are shipped with a model: float32 [10, 1, 28, 28] of 0..1."""
    pictures = [Image.open(ROOT / "models" / name / "examples" / f"{i}.png") for i in range(10)]
    return torch.from_numpy(np.stack([np.asarray(picture, dtype=np.float32)[None] / 255 for picture in pictures]))


def user_module(name: str) -> nn.Module:
    """The shipped network as a user would hold it: torch's default layout, gradients on its weights."""
    directory = ROOT / "models" / name
    module = build_network(read_description(directory).architecture, {})
    load_weights(module, directory / FILE_NAME)
    return module.eval()


def interleaved(*ways: Callable[[], object], calls_a_round: int = CALLS) -> list[list[float]]:
    """Milliseconds of each call, by way; the ways take turns, `ROUNDS` times, of a tenth more calls to warm up."""
    times: list[list[float]] = [[] for _ in ways]
    for _ in range(ROUNDS):
        for way, samples in zip(ways, times, strict=True):
            time.sleep(PAUSE_SECONDS)
            for turn in range(-max(1, calls_a_round // 10), calls_a_round):
                started = time.perf_counter()
                way()
                if turn >= 0:
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


if __name__ == "__main__":
    main()
