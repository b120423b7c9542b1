"""`images`: a row's two ways explain the same pictures by the same segments, so that times compare."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import urllib3

from bench.harness.bare_images import PREDICTION, explaining, squares
from bench.harness.run import Options, Run
from bench.images import CASES, measure_cases, served_call

METHODS = {case.method: case for case in reversed(CASES)}
# What has the same numbers both ways. The samples of other methods are each way's own, and bare DeepLIFT's multipliers
# differ (docs/accuracy.md): they are alike by so much (correlation).
EXACT = {"saliency", "integrated_gradients"}
SAMPLES = 2000
NEAR = 0.9


@pytest.mark.filterwarnings("ignore:You are providing multiple inputs for Lime")
@pytest.mark.parametrize(("method", "images"), [*((method, 1) for method in METHODS), ("integrated_gradients", 3)])
def test_both_ways_explain_the_same(start_pair, method, images):
    samples = None if METHODS[method].samples is None else SAMPLES
    case = replace(METHODS[method], images=images, samples=samples)
    torch.manual_seed(0)
    expected = explaining("mnist", method, images, samples)().detach()
    with urllib3.PoolManager(retries=False) as client:
        answer = served_call(start_pair("mnist", 1), client, case)()
    if method == PREDICTION:
        np.testing.assert_allclose(answer["predictions"], expected.softmax(1).numpy(), rtol=1e-4, atol=1e-5)
        return
    found, expected = np.array(answer["explanations"]), expected.numpy()
    assert found.shape == expected.shape
    if method in EXACT:
        np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())
    else:
        assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > NEAR


def test_squares_are_of_four_pixels_and_numbered_by_rows():
    expected = [[7 * (row // 4) + column // 4 for column in range(28)] for row in range(28)]
    assert squares().tolist() == [[expected]]


def test_a_row_has_both_ways_times():
    cases = [replace(METHODS["saliency"], calls=3)]
    (row,) = measure_cases(Run("images", 1, Options()), ["mnist"], cases)
    assert (row["model"], row["method"], row["images"]) == ("mnist", "saliency", 1)
    assert row["ratio"] == pytest.approx(row["served_p50_ms"] / row["bare_p50_ms"])
    assert min(row["bare_p50_ms"], row["served_p50_ms"]) > 0
