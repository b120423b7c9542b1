"""Figures of rows."""

from __future__ import annotations

from bench.harness.figures import percentiles, ratios


def test_percentiles_are_named_and_lie_between_the_smallest_and_the_largest() -> None:
    assert percentiles("bare", [1.0, 2.0, 4.0], 50, 100) == {"bare_p50_ms": 2.0, "bare_p100_ms": 4.0}
    assert percentiles("ready", [3.0], 50, 99, unit="s") == {"ready_p50_s": 3.0, "ready_p99_s": 3.0}


def test_a_ratio_is_between_the_medians_and_has_its_range_by_round() -> None:
    served, bare = [[1, 1, 9], [8, 3, 12]], [[1, 2, 9], [2, 2, 2]]
    assert ratios(served, bare) == {"ratio": 5.5 / 2, "ratio_min": 0.5, "ratio_max": 4}
