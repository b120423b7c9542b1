"""`load`: a row has the clients' rate, and predictions alone and beside them."""

from __future__ import annotations

from bench.harness.run import Options, Run
from bench.load import measure_pair


def test_a_row_has_the_rate_and_both_kinds_of_predictions(start_pair) -> None:
    row = measure_pair(Run("load", 1, Options()), start_pair("mnist", 1), seconds=0.3, predictions=5)
    assert row.keys() > {"prediction_p50_ms", "prediction_under_load_p99_ms"}
    assert row["explanations_a_second"] > 1
    assert row["prediction_p50_ms"] > 0
