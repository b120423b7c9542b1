"""`accuracy`: more steps have a smaller error, and all three ways explain the same."""

from __future__ import annotations

import pytest

from bench import accuracy
from bench.harness.run import Options, Run
from local.shipped_models import example_images


@pytest.fixture(scope="module")
def rows(start_pair):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accuracy, "STEPS", (4, 16))
        patch.setattr(accuracy, "MANY_STEPS", 100)
        patch.setattr(accuracy, "PICTURES", 2)
        patch.setattr(accuracy, "PICTURES_BY_STEPS", 1)
        patch.setattr(accuracy, "BATCH", 1)
        run = Run("accuracy", 2, Options())
        return accuracy.measure_pair(run, start_pair("mnist", 1), example_images("mnist", 4))


def test_more_steps_have_a_smaller_error(rows) -> None:
    few, more = rows[:2]
    assert [row["explained"] for row in (few, more)] == ["4 steps", "16 steps"]
    assert few["pictures"] == more["pictures"] == 2
    assert 0.5 > few["error_median"] > 1.5 * more["error_median"] > 0.01
    assert few["not_converged"] >= more["not_converged"]
    assert few["flipped"] is None


def test_all_ways_explain_the_same_but_for_rounding(rows) -> None:
    compared = [("served", "user's module"), ("served", "double precision"), ("user's module", "double precision")]
    cases = [(method["method"], *ways) for method in accuracy.METHODS for ways in compared]
    assert [(row["method"], row["explained"], row["beside"]) for row in rows[2:]] == cases
    for row in rows[2:]:
        assert row["pictures"] == 4
        assert 0 < row["error_median"] < accuracy.FLIPPED
        assert row["flipped"] <= 1
        assert row["not_converged"] is None


def test_all_rows_have_the_same_names(rows) -> None:
    assert all(row.keys() == rows[0].keys() for row in rows)
