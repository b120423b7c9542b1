"""What the predictor's accelerations save: a chunk's gradients as torch computes them, and as the predictor.

The ways take turns in one process, on one thread as in a lane under load, and with the predictor's allocator. A call is
the whole network's value and its vector-Jacobian product. This is the only measurement that knows the predictor's
inside; what it knows is in the functions after `measure`.
"""

from collections import defaultdict
from collections.abc import Callable
from itertools import chain

import torch
from captum_predictor.engine.run import run_with_gradient
from captum_predictor.model.architectures import quiet_even_kernels, use_channels_last
from captum_predictor.model.directory import load_model
from captum_serving.process.allocator import keep_freed_memory
from torch import Tensor, nn

from bench.harness.figures import percentiles, ratios
from bench.harness.result import Row
from bench.harness.run import Run
from bench.harness.timed_calls import timed
from local.servers import MODELS, ROOT
from local.shipped_models import user_module

ROUNDS, CALLS = 7, 50
# A chunk's.
CHUNK_ROWS = 25

Compute = Callable[[], Tensor]


def measure(run: Run) -> list[Row]:
    """A row for each model and way; a ratio is of the way's time to the first way's."""
    keep_freed_memory()
    quiet_even_kernels()
    torch.set_num_threads(1)
    run.expect(run.rounds * len(MODELS))
    ways = {name: make_ways(name) for name in MODELS}
    times: dict[tuple[str, str], list[list[float]]] = defaultdict(list)
    for _ in range(run.rounds):
        for name in MODELS:
            with run.step(name):
                for way, compute in ways[name].items():
                    times[name, way].append(timed(compute, CALLS))
    rows: list[Row] = []
    for (name, way), by_round in times.items():
        first = times[name, next(iter(ways[name]))]
        figures = percentiles("chunk", [*chain.from_iterable(by_round)], 50, 95)
        rows.append({"model": name, "computed": way, "rows": CHUNK_ROWS, **figures, **ratios(by_round, first)})
    return rows


def make_ways(name: str, rows: int = CHUNK_ROWS) -> dict[str, Compute]:
    """Calls that return the gradient `[rows, 1, 28, 28]` of the same scores by the same rows, by what computes them."""
    frozen = user_module(name).requires_grad_(False)
    use_channels_last(frozen)
    return {
        "the user's module": _by_torch(user_module(name), rows, torch.contiguous_format),
        "frozen, channels_last": _by_torch(frozen, rows, torch.channels_last),
        "the predictor": _by_predictor(name, rows),
    }


def _by_torch(module: nn.Module, count: int, memory_format: torch.memory_format) -> Compute:
    rows, cotangent = _make_rows(count, memory_format)

    def compute() -> Tensor:
        leaf = rows.detach().requires_grad_(True)
        return torch.autograd.grad(module(leaf), leaf, cotangent)[0]

    return compute


def _by_predictor(name: str, count: int) -> Compute:
    model = load_model(ROOT / "models" / name)
    segment = model.find_segment(model.input_name, None)
    rows, cotangent = _make_rows(count, torch.channels_last)
    return lambda: run_with_gradient(segment, segment, rows, {}, lambda _: cotangent)


def _make_rows(count: int, memory_format: torch.memory_format) -> tuple[Tensor, Tensor]:
    rows = torch.rand(count, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    return rows.to(memory_format=memory_format), torch.eye(10)[torch.arange(count) % 10]
