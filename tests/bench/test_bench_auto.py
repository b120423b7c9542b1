"""The measurement of `"n_steps": "auto"` counts what the explainer asks for."""

from __future__ import annotations

from captum_explainer.parameters.path import numbers_of_steps

from local.bench_auto import WARM_UP, WAYS, measure, reference_of
from local.servers import Pair
from tests.support.explaining import examples

SCORED = 2


def test_rows_and_calls_are_those_of_the_numbers_that_were_tried(pair: Pair) -> None:
    images = examples(pair.name)[:WARM_UP]
    found = measure(pair, images, reference_of(pair.name, images, n_steps=200))
    assert list(found) == list(WAYS)
    for way, parameters in WAYS.items():
        measured = found[way]
        assert all(len(samples) == len(images) for samples in vars(measured).values())
        for steps, rows, calls in zip(measured.steps, measured.rows, measured.calls, strict=True):
            auto = parameters["n_steps"] == "auto"
            tried = [number for number in numbers_of_steps(1000) if number <= steps] if auto else [steps]
            assert (rows, calls) == (sum(tried) + SCORED, len(tried))
    assert max(found["100 steps"].errors) < min(found["8 steps"].errors)
