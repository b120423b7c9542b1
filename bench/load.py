"""Under load: eight clients' explanations a second (IG-50), and predictions beside them."""

from __future__ import annotations

from statistics import median

import urllib3

from bench.harness.calls import predict_call
from bench.harness.clients import CLIENTS, running_clients, time_now_and_then
from bench.harness.figures import percentiles
from bench.harness.result import Row
from bench.harness.run import Run
from local.servers import MODELS, Pair, running_pair

ROUNDS = 5
SECONDS = 4.0
# In each round, alone and beside explanations.
PREDICTIONS = 300


def measure(run: Run) -> list[Row]:
    """A row for each model; what is measured takes turns."""
    run.expect(len(MODELS) * run.rounds)
    rows = []
    for name in MODELS:
        with running_pair(name) as pair:
            rows.append(measure_pair(run, pair))
    return rows


def measure_pair(run: Run, pair: Pair, seconds: float = SECONDS, predictions: int = PREDICTIONS) -> Row:
    """The row of a running pair."""
    rates: list[float] = []
    alone: list[float] = []
    beside: list[float] = []
    with urllib3.PoolManager(retries=False) as client, running_clients(pair.name, [pair.explain_url]) as clients:
        predict = predict_call(client, pair)
        for _ in range(run.rounds):
            with run.step(pair.name):
                rates.append(clients.measure_rate(seconds))
                alone += time_now_and_then(predict, predictions)
                beside += clients.time_beside(predict, predictions)
    rate = {"clients": CLIENTS, "explanations_a_second": median(rates)}
    return {
        "model": pair.name,
        **rate,
        **percentiles("prediction", alone, 50, 99),
        **percentiles("prediction_under_load", beside, 50, 99),
    }
