"""This checkout beside another (--other): IG-50, DeepLIFT, throughput, predictions under load.

The other's servers run from its own sources and models, in the same environment. Both checkouts' servers are new in
each round, and take turns in it. A ratio is this checkout's figure over the other's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from statistics import median

import numpy as np
import urllib3

from bench.harness.calls import INTEGRATED_GRADIENTS, explain_call, predict_call
from bench.harness.clients import Clients, running_clients
from bench.harness.figures import ratios
from bench.harness.machine import read_commit
from bench.harness.result import Row
from bench.harness.run import Run
from bench.harness.timed_calls import timed
from local.servers import MODELS, ROOT, SOURCES, Pair, running_pair
from local.shipped_models import example_images

ROUNDS, CALLS, PREDICTIONS, SECONDS = 5, 25, 300, 4.0
THIS, OTHER = "this", "other"
# In a round the checkouts take turns, and neither is always the first.
TURNS = (THIS, OTHER, OTHER, THIS)
METHODS: Mapping[str, Mapping[str, object]] = {
    "IG-50 of one image": INTEGRATED_GRADIENTS,
    "DeepLIFT of one image": {"method": "deep_lift"},
}
RATE, PREDICTION = "explanations of 8 clients", "prediction under load"
# The percentile that is taken from a round's values, and its unit.
SUMMARIES = {**dict.fromkeys(METHODS, (50, "ms, p50")), RATE: (50, "a second"), PREDICTION: (99, "ms, p99")}

# By what is measured and by checkout: the values of each round.
Found = dict[str, dict[str, list[list[float]]]]


def measure(run: Run) -> list[Row]:
    """A row for each model and for what is measured.

    Raises:
        SystemExit: The other folder is no checkout of this project.
    """
    assert run.options.other is not None
    checkouts = {THIS: ROOT, OTHER: check_checkout(run.options.other)}
    commits = {which: read_commit(checkout) for which, checkout in checkouts.items()}
    run.expect(run.rounds * len(MODELS) * len(SUMMARIES))
    found: dict[str, Found] = {name: {what: {THIS: [], OTHER: []} for what in SUMMARIES} for name in MODELS}
    for _ in range(run.rounds):
        for name in MODELS:
            with ExitStack() as stack:
                client = stack.enter_context(urllib3.PoolManager(retries=False))
                pairs = {which: stack.enter_context(running_pair(name, checkout=at)) for which, at in checkouts.items()}
                measure_round(run, pairs, client, found[name])
    return [
        {"model": name, "measured": what, **summarize(what, by_checkout), "other_commit": commits[OTHER]}
        for name, measured in found.items()
        for what, by_checkout in measured.items()
    ]


def check_checkout(checkout: Path) -> Path:
    """The checkout's absolute path.

    Raises:
        SystemExit: It lacks the packages' sources, so that this checkout's would be measured in their place.
    """
    for source in SOURCES:
        if not (checkout / source).is_dir():
            raise SystemExit(f"--other: {checkout} has no folder {source}; expected a checkout of this project")
    return checkout.resolve()


def measure_round(
    run: Run,
    pairs: Mapping[str, Pair],
    client: urllib3.PoolManager,
    found: Found,
    calls: int = CALLS,
    seconds: float = SECONDS,
    predictions: int = PREDICTIONS,
) -> None:
    """Add a round's values of both pairs to what was found."""
    name = pairs[THIS].name
    for what, parameters in METHODS.items():
        with run.step(f"{name}, {what}"):
            explain = {
                which: explain_call(client, pair.explain_url, example_images(name, 1), parameters)
                for which, pair in pairs.items()
            }
            _add(found[what], [(which, timed(explain[which], calls)) for which in TURNS])
    with ExitStack() as stack:
        clients: dict[str, Clients] = {
            which: stack.enter_context(running_clients(name, [pair.explain_url])) for which, pair in pairs.items()
        }
        with run.step(f"{name}, {RATE}"):
            _add(found[RATE], [(which, [clients[which].measure_rate(seconds)]) for which in TURNS])
        with run.step(f"{name}, {PREDICTION}"):
            predict = {which: predict_call(client, pair) for which, pair in pairs.items()}
            turns = [(which, clients[which].time_beside(predict[which], predictions // 2)) for which in TURNS]
            _add(found[PREDICTION], turns)


def _add(by_checkout: dict[str, list[list[float]]], turns: list[tuple[str, list[float]]]) -> None:
    values: dict[str, list[float]] = defaultdict(list)
    for which, measured in turns:
        values[which] += measured
    for which, those in values.items():
        by_checkout[which].append(those)


def summarize(what: str, by_checkout: Mapping[str, list[list[float]]]) -> Row:
    """The figures of both checkouts, and their ratio, from the values of each round."""
    percent, unit = SUMMARIES[what]
    # A value for each round.
    this, other = ([[float(np.percentile(values, percent))] for values in by_checkout[at]] for at in (THIS, OTHER))
    medians = {THIS: median(chain.from_iterable(this)), OTHER: median(chain.from_iterable(other))}
    return {"unit": unit, **medians, **ratios(this, other)}
