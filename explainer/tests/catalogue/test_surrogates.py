import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from captum._utils.models.linear_model import SkLearnLinearRegression
from captum_explainer.catalogue.method import Problem
from captum_explainer.catalogue.surrogates import MOST_WORK, ScoredModel, attribute_by_surrogate, check_fit, compute_r2
from captum_serving.errors import BadInput
from sklearn.metrics import r2_score
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

DRAWS = np.random.default_rng(7)
SCORES, FITTED, WEIGHTS = DRAWS.normal(size=30), DRAWS.normal(size=30), DRAWS.random(30)


def tensors(*arrays):
    return (torch.from_numpy(array) for array in arrays)


def test_r2_is_scikit_learns():
    ours = compute_r2(*tensors(SCORES, FITTED, WEIGHTS))
    assert ours == pytest.approx(r2_score(SCORES, FITTED, sample_weight=WEIGHTS), rel=1e-12)


def test_r2_of_a_perfect_fit_is_1_and_of_the_weighted_mean_0():
    assert compute_r2(*tensors(SCORES, SCORES, WEIGHTS)) == 1.0
    mean = np.full(30, np.average(SCORES, weights=WEIGHTS))
    assert compute_r2(*tensors(SCORES, mean, WEIGHTS)) == pytest.approx(0.0, abs=1e-12)


def test_where_all_scores_are_equal_or_nothing_was_drawn_there_is_none():
    assert compute_r2(*tensors(np.ones(30), FITTED, WEIGHTS)) is None
    assert compute_r2(*tensors(SCORES, FITTED, np.zeros(30))) is None
    assert compute_r2(*(torch.empty(0) for _ in range(3))) is None


def fitted_model(anchor):
    """Two segments; 40 samples with noise, and the two anchors that KernelSHAP adds."""
    samples = DRAWS.integers(0, 2, (42, 2)).astype(np.float32)
    samples[:2] = [[0, 0], [1, 1]]
    scores = (samples @ [2.0, -1.0] + 0.5 + DRAWS.normal(size=42) * (np.arange(42) > 1)).astype(np.float32)
    weights = np.where(np.arange(42) > 1, 0.3, 1e6).astype(np.float32)
    model = ScoredModel(SkLearnLinearRegression(), anchor)
    model.fit(DataLoader(TensorDataset(*tensors(samples, scores, weights)), batch_size=10))
    return model, samples, scores, weights


def test_the_fit_is_captums_and_anchors_do_not_count_in_r2():
    model, samples, scores, _ = fitted_model(anchor=1e6)
    (slopes,) = np.atleast_2d(model.representation().detach().numpy())
    fitted = samples @ slopes + model.intercept()
    np.testing.assert_allclose(model.model(torch.from_numpy(samples)).detach().numpy().reshape(-1), fitted, rtol=1e-5)
    assert model.intercept() == pytest.approx(0.5, abs=1e-3)
    assert model.r2 == pytest.approx(r2_score(scores[2:], fitted[2:]), abs=1e-5)


def test_without_an_anchor_all_samples_count():
    model, samples, scores, weights = fitted_model(anchor=math.inf)
    fitted = model.model(torch.from_numpy(samples)).detach().numpy().reshape(-1)
    assert model.r2 == pytest.approx(r2_score(scores, fitted, sample_weight=weights), abs=1e-5)


def test_details_hold_segments_intercept_and_fit():
    model, *_ = fitted_model(anchor=1e6)
    mask = torch.tensor([[[0, 1], [1, 0]]])
    values = torch.ones(1, 2, 2, dtype=torch.float64)
    explainer = SimpleNamespace(attribute=lambda inputs, **_: values, interpretable_model=model)
    parameters = {"n_samples": 40, "perturbations_per_eval": 10}
    problem = Problem(nn.Identity(), torch.rand(1, 2, 2), [0], torch.zeros(1, 2, 2), None, parameters, mask)
    attribution = attribute_by_surrogate(problem, explainer)
    assert attribution.values.dtype == torch.float32
    assert attribution.details["segments"].tolist() == [[0, 1], [1, 0]]
    assert attribution.details["intercept"] == model.intercept()
    assert attribution.details["r2"] == model.r2


def test_a_fit_that_would_hold_the_interpreter_is_refused_and_those_of_every_day_are_not():
    for samples, segments in ((500, 784), (1000, 1000), (10_000, 200), (2000, 30)):
        check_fit(samples, segments, MOST_WORK)
    with pytest.raises(
        BadInput, match=r"the fit has 6000 samples \(n_samples\) of 4900 segments; .* at most 3e\+09: low"
    ):
        check_fit(6000, 4900, MOST_WORK)
