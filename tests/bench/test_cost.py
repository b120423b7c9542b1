"""`cost`: each case has its time and both servers' memory, the small cases first."""

from __future__ import annotations

from bench import cost
from bench.harness.run import Options, Run


def test_a_row_has_the_time_and_the_memory(monkeypatch) -> None:
    monkeypatch.setattr(cost, "MODELS", ("mnist",))
    monkeypatch.setattr(cost, "SAMPLES", (10,))
    monkeypatch.setattr(cost, "SAMPLES_OF", (1,))
    monkeypatch.setattr(cost, "STEPS", (2, 4))
    monkeypatch.setattr(cost, "STEPS_OF", (1, 3))
    monkeypatch.setattr(cost, "MOST_SECONDS", 0.05)
    rows = cost.measure(Run("cost", 1, Options()))
    cases = [(row["method"], row["steps_or_samples"], row["images"]) for row in rows]
    by_steps = [("integrated_gradients", *case) for case in [(2, 1), (4, 1), (2, 3), (4, 3)]]
    assert cases == [("kernel_shap", 10, 1), *by_steps]
    for row in rows:
        assert row["p50_ms"] > 0
        for server in ("predictor", "explainer"):
            assert row[f"{server}_peak_mib"] > row[f"{server}_over_idle_mib"] >= 0
