"""How exact explanations are: by the number of steps, and beside Captum on the user's own module.

By steps, integrated gradients is compared with itself with 1,000 steps, the most that the server takes. A picture's
error is the sum of the absolute differences over the sum of the attributions' sizes; the deltas are shares of the
scores' difference.

The user's own module is in torch's default layout, with default threads; in double precision it tells whose the
differences are. A picture's error is its largest difference over its largest attribution. Where rounding turns a ReLU
or the choice of a max-pool, a picture's attributions jump: it has flipped.

A round is the next 100 pictures of each test set; the steps are measured on the first 20 of them.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import torch
import urllib3
from captum.attr import DeepLift, IntegratedGradients, Saliency
from captum_predictor.model.architectures import quiet_even_kernels
from captum_predictor.training.data_sets import DATA_SETS, read_split
from captum_serving.process.allocator import keep_freed_memory
from numpy.typing import NDArray
from scipy.stats import spearmanr
from torch import Tensor, nn

from bench.harness.calls import INTEGRATED_GRADIENTS, explain_call
from bench.harness.result import Row
from bench.harness.run import Run
from local.servers import MODELS, Pair, running_pair
from local.shipped_models import user_module

ROUNDS = 5
PICTURES, PICTURES_BY_STEPS = 100, 20
# In a request, and in a call of Captum's.
BATCH = 10
STEPS, MANY_STEPS = (16, 25, 50, 100), 1000
METHODS: Sequence[Mapping[str, Any]] = ({"method": "saliency"}, INTEGRATED_GRADIENTS, {"method": "deep_lift"})
# Rounding alone makes a tenth of it, or less.
FLIPPED = 1e-5

Values = NDArray[np.float64]


@dataclass
class Explained:
    """Attributions of some pictures, batch by batch, and the details where they come from the explainer."""

    values: list[Values] = field(default_factory=list)
    details: list[Mapping[str, Any]] = field(default_factory=list)


def measure(run: Run) -> list[Row]:
    """Rows by steps, and rows for each two of the servers, the user's module and the module in double precision."""
    keep_freed_memory()
    quiet_even_kernels()
    run.expect(len(MODELS) * run.rounds * (1 + len(METHODS)))
    rows: list[Row] = []
    for name in MODELS:
        pictures = read_split(DATA_SETS[name], "t10k").images[: run.rounds * PICTURES].float() / 255
        with running_pair(name) as pair:
            rows += measure_pair(run, pair, pictures)
    return rows


def measure_pair(run: Run, pair: Pair, pictures: Tensor) -> list[Row]:
    """The rows of a running pair, for float32 pictures `[n, 1, 28, 28]`."""
    rounds = torch.split(pictures, PICTURES)
    with urllib3.PoolManager(retries=False) as client:
        rows = _measure_steps(run, pair, client, [some[:PICTURES_BY_STEPS] for some in rounds])
        for parameters in METHODS:
            rows += _measure_modules(run, pair, client, rounds, parameters)
    return rows


def explain_by_captum(module: nn.Module, pictures: Tensor, method: str, **options: int) -> Values:
    """Captum's attributions for the predicted classes, as a notebook would have them."""
    target = module(pictures).argmax(dim=1)
    if method == "saliency":
        values = Saliency(module).attribute(pictures, target=target)
    elif method == "integrated_gradients":
        values = IntegratedGradients(module).attribute(pictures, target=target, **options)
    else:
        values = DeepLift(_separate(module)).attribute(pictures, target=target)
    return np.asarray(values.detach().numpy(), np.float64)


def largest_errors(values: Values, reference: Values) -> Values:
    """Each picture's largest difference, over its largest reference value."""
    difference, size = (np.abs(of).reshape(len(of), -1).max(axis=1) for of in (values - reference, reference))
    return np.asarray(difference / size)


class OwnTensor(nn.Module):
    """The identity in a tensor of its own, which Captum's DeepLIFT needs between a ReLU and a max-pool."""

    def forward(self, rows: Tensor) -> Tensor:
        """Return a view of the rows."""
        return rows.view_as(rows)


def _separate(module: nn.Module) -> nn.Sequential:
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    for name, part in module.named_children():
        if isinstance(part, nn.MaxPool2d):
            parts[f"own_{name}"] = OwnTensor()
        parts[name] = part
    return nn.Sequential(parts)


def _measure_steps(run: Run, pair: Pair, client: urllib3.PoolManager, rounds: Sequence[Tensor]) -> list[Row]:
    found = {steps: Explained() for steps in (*STEPS, MANY_STEPS)}
    for pictures in rounds:
        with run.step(f"{pair.name}, steps"):
            for steps, explained in found.items():
                _explain(explained, pair, client, pictures, {**INTEGRATED_GRADIENTS, "n_steps": steps})
    reference = np.concatenate(found.pop(MANY_STEPS).values)
    return [_make_steps_row(pair.name, steps, explained, reference) for steps, explained in found.items()]


def _make_steps_row(name: str, steps: int, explained: Explained, reference: Values) -> Row:
    difference = np.abs(np.concatenate(explained.values) - reference)
    error = difference.sum(axis=(1, 2, 3)) / np.abs(reference).sum(axis=(1, 2, 3))
    delta = [abs(of["convergence_delta"] / (of["score"] - of["baseline_score"])) for of in explained.details]
    compared = f"{steps} steps", f"{MANY_STEPS:,} steps"
    return _make_row(name, "integrated_gradients", compared, error) | {
        "not_converged": sum(not of["converged"] for of in explained.details),
        "delta_rank_correlation": float(spearmanr(delta, error).statistic),
    }


def _measure_modules(
    run: Run, pair: Pair, client: urllib3.PoolManager, rounds: Sequence[Tensor], parameters: Mapping[str, Any]
) -> list[Row]:
    served, found = Explained(), defaultdict[str, list[Values]](list)
    modules = {"user's module": user_module(pair.name), "double precision": user_module(pair.name).double()}
    for pictures in rounds:
        with run.step(f"{pair.name}, {parameters['method']}"):
            _explain(served, pair, client, pictures, parameters)
            for way, module in modules.items():
                for batch in torch.split(pictures.to(next(module.parameters()).dtype), BATCH):
                    found[way].append(explain_by_captum(module, batch, **parameters))
    ways = {way: np.concatenate(values) for way, values in {"served": served.values, **found}.items()}
    return [
        _make_module_row(pair.name, parameters["method"], compared, largest_errors(*(ways[way] for way in compared)))
        for compared in combinations(ways, 2)
    ]


def _make_module_row(name: str, method: str, compared: tuple[str, str], error: Values) -> Row:
    flipped = error > FLIPPED
    return _make_row(name, method, compared, error) | {
        "flipped": int(flipped.sum()),
        "error_max_of_the_others": float(error[~flipped].max(initial=0.0)),
    }


def _make_row(name: str, method: str, compared: tuple[str, str], error: Values) -> Row:
    """What all rows have; None where it is not measured."""
    compared_row: Row = {"model": name, "method": method, "explained": compared[0], "beside": compared[1]}
    figures = {"error_median": float(np.median(error)), "error_p95": float(np.percentile(error, 95))}
    others = ("not_converged", "delta_rank_correlation", "flipped", "error_max_of_the_others")
    return {
        **compared_row,
        "pictures": len(error),
        **figures,
        "error_max": float(error.max()),
        **dict.fromkeys(others),
    }


def _explain(
    explained: Explained, pair: Pair, client: urllib3.PoolManager, pictures: Tensor, parameters: Mapping[str, Any]
) -> None:
    for batch in torch.split(pictures, BATCH):
        answer = explain_call(client, pair.explain_url, batch, parameters)()
        explained.values.append(np.array(answer["explanations"]))
        explained.details += answer["details"]
