"""`make bench`'s main table: a row's two ways explain the same pictures by the same segments, so that times compare."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import urllib3

from bench.harness.bare_images import PREDICTION, explaining, squares
from bench.images import CASES, Times, measure, served

METHODS = {case.method: case for case in CASES}
# What has the same numbers both ways. The samples of other methods are each way's own, and bare DeepLIFT's multipliers
# differ (docs/accuracy.md): they are alike by so much (correlation).
EXACT = {"saliency", "integrated_gradients"}
SAMPLES = 2000
NEAR = 0.9


@pytest.mark.filterwarnings("ignore:You are providing multiple inputs for Lime")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("images", [1, 3])
def test_both_ways_explain_the_same(start_pair, method, images):
    samples = None if METHODS[method].samples is None else SAMPLES
    case = replace(METHODS[method], images=images, samples=samples)
    torch.manual_seed(0)
    expected = explaining("mnist", method, images, samples)().detach().numpy()
    with urllib3.PoolManager(retries=False) as client:
        answer = served(start_pair("mnist", 1), client, case)()
    if method == PREDICTION:
        np.testing.assert_allclose(answer, expected, rtol=1e-4, atol=1e-5)
        return
    found = np.array(answer["explanations"])
    assert found.shape == expected.shape
    if method in EXACT:
        np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())
    else:
        assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > NEAR


def test_squares_are_of_four_pixels_and_numbered_by_rows():
    expected = [[7 * (row // 4) + column // 4 for column in range(28)] for row in range(28)]
    assert squares().tolist() == [[expected]]


def test_a_table_has_both_ways_times_of_every_round():
    cases = [replace(METHODS["saliency"], calls=3), replace(METHODS["kernel_shap"], calls=2, samples=20)]
    found = measure("mnist", cases, rounds=2)
    assert list(found) == cases
    for case, times in found.items():
        assert [len(row) for row in (*times.bare, *times.served)] == [case.calls] * 4
        assert min(map(min, times.bare + times.served)) > 0


def test_a_ratio_is_of_the_medians_of_its_round():
    assert Times(bare=[[1, 2, 9], [4, 4, 4]], served=[[1, 1, 9], [8, 2, 9]]).ratios() == [0.5, 2]
