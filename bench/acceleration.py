"""What the predictor's way of computing rests on: the memory layout, the rows of a chunk, and the lanes.

The calls of a group take turns, in one process. Each is the whole network's value and its vector-Jacobian product, with
the predictor's allocator, which keeps freed memory; how the rows matter is measured with glibc's as it comes too, which
gives a large batch's memory back to the system.
"""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch
from captum_predictor.engine.lanes import Chunk, Lanes, Priority
from captum_predictor.graph.chain import Chain, run_with_gradient
from captum_predictor.model.architectures import use_channels_last
from captum_predictor.model.directory import load_model
from captum_serving.process.allocator import keep_freed_memory
from captum_serving.process.reproducible_sums import reproduce_matrix_products
from torch import Tensor, nn

from bench.harness.timed_calls import timed
from bench.images import CALLS, PAUSE_SECONDS, ROUNDS, machine, quantiles
from local.servers import MODELS, ROOT
from local.shipped_models import user_module

ROWS = 50
CHUNK_ROWS = 25
CHUNKS = 8
LANES = 2


@dataclass(frozen=True)
class Case:
    """One row of the table: what is computed, for how many rows."""

    name: str
    rows: int
    call: Callable[[], object]


def main() -> None:
    """Print the machine and a Markdown table; a time a row is compared with that of the group's first case."""
    warnings.filterwarnings("ignore", "Using padding='same' with even kernel lengths")  # mnist_cnn is that way
    reproduce_matrix_products()
    print(f"{machine()}\n\nThreads: {torch.get_num_threads()}, but for the lanes\n")
    print("| freed memory | model | computed | rows | least | p50 | p95 | p50 a row | of the first |")
    print("| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name in MODELS:
        _print("given back", name, _by_rows(name))
    keep_freed_memory()
    for name in MODELS:
        _print("kept", name, _by_layout(name))
        _print("kept", name, _by_rows(name))
        with running_lanes(1) as one, running_lanes(LANES) as several:
            _print("kept", name, _by_lanes(name, one, several))


def _print(memory: str, model: str, group: list[Case]) -> None:
    times = interleaved(*(case.call for case in group))
    by_row = [statistics.median(samples) / case.rows for case, samples in zip(group, times, strict=True)]
    for case, samples, row in zip(group, times, by_row, strict=True):
        measured = [f"{min(samples):.1f} ms", *quantiles(samples), f"{row:.3f} ms"]
        cells = [memory, model, case.name, str(case.rows), *measured]
        print(f"| {' | '.join(cells)} | {row / by_row[0]:.2f} |", flush=True)


def interleaved(*ways: Callable[[], object]) -> list[list[float]]:
    """Milliseconds of each call, by way; the ways take turns.

    What comes after one of several threads waits a little: these spin for 20 ms after their work, and take a core.
    """
    times: list[list[float]] = [[] for _ in ways]
    for _ in range(ROUNDS):
        for way, samples in zip(ways, times, strict=True):
            time.sleep(PAUSE_SECONDS)
            samples.extend(timed(way, CALLS))
    return times


def _by_layout(name: str) -> list[Case]:
    users = _computing(user_module(name), ROWS, torch.contiguous_format)
    return [
        Case("default layout", ROWS, users),
        Case("channels_last, frozen", ROWS, by_torch(name, ROWS)),
        Case("as served", ROWS, as_served(name, ROWS)),
    ]


def _by_rows(name: str) -> list[Case]:
    return [Case("one call", count, as_served(name, count)) for count in (ROWS, 16, CHUNK_ROWS, 100)]


def _by_lanes(name: str, one: Lanes, several: Lanes) -> list[Case]:
    chunks = chunks_of(name)
    return [
        Case(f"one lane of {LANES} threads", CHUNKS * CHUNK_ROWS, partial(submit, one, chunks)),
        Case(f"{LANES} lanes of one thread", CHUNKS * CHUNK_ROWS, partial(submit, several, chunks)),
    ]


def by_torch(name: str, count: int) -> Callable[[], None]:
    """The network's value and gradient for `count` rows as torch computes them: frozen, `channels_last`."""
    module = user_module(name).requires_grad_(False)
    use_channels_last(module)
    return _computing(module, count, torch.channels_last)


def as_served(name: str, count: int) -> Callable[[], None]:
    """The same as the predictor computes it."""
    model = load_model(ROOT / "models" / name)
    segment = Chain(model).segment(model.input_name, None)
    rows, cotangent = _rows(count, torch.channels_last)

    def compute() -> None:
        run_with_gradient(segment, segment, rows, {}, lambda _: cotangent)

    return compute


def _computing(module: nn.Module, count: int, memory_format: torch.memory_format) -> Callable[[], None]:
    rows, cotangent = _rows(count, memory_format)

    def compute() -> None:
        leaf = rows.detach().requires_grad_(True)
        torch.autograd.grad(module(leaf), leaf, cotangent)

    return compute


def _rows(count: int, memory_format: torch.memory_format) -> tuple[Tensor, Tensor]:
    rows = torch.rand(count, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    return rows.to(memory_format=memory_format), torch.eye(10)[torch.arange(count) % 10]


def chunks_of(name: str, computing: Callable[[str, int], Callable[[], None]] = as_served) -> list[Chunk]:
    """`CHUNKS` chunks of `CHUNK_ROWS` rows: the value and the gradient of the model of this name."""
    return [Chunk(CHUNK_ROWS, computing(name, CHUNK_ROWS)) for _ in range(CHUNKS)]


def submit(lanes: Lanes, chunks: list[Chunk]) -> None:
    """Have chunks computed, and wait for them."""
    lanes.submit(chunks, Priority.EXPLANATION).done.result()


@contextmanager
def running_lanes(count: int) -> Iterator[Lanes]:
    """Lanes, which end with the context."""
    lanes = Lanes(count, CHUNKS * CHUNK_ROWS, LANES)
    try:
        yield lanes
    finally:
        lanes.stop()


if __name__ == "__main__":
    main()
