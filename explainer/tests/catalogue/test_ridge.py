import dataclasses

import numpy as np
import pytest
import torch
from captum_explainer.catalogue.method import Problem
from captum_explainer.catalogue.ridge import KERNEL_WIDTH, attribute_by_ridge, draw_subsets, fit_ridge, weigh_subsets
from captum_serving.errors import BadInput
from lime.lime_image import LimeImageExplainer
from sklearn.linear_model import Ridge
from sklearn.metrics import pairwise_distances
from torch import nn

PARAMETERS = {"seed": 7, "n_samples": 60, "alpha": 1.0, "perturbations_per_eval": 16}


def problem(target=1, memo=None, **changes):
    """A picture [1, 6, 4] of eight segments, and a linear model of three probabilities."""
    generator = torch.Generator().manual_seed(3)
    model = nn.Sequential(nn.Flatten(), nn.Linear(24, 3), nn.Softmax(dim=1))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    picture = torch.rand(1, 1, 6, 4, generator=generator)
    mask = (torch.arange(24) // 3).reshape(1, 1, 6, 4)
    baseline = torch.full_like(picture, 0.25)
    parameters = {**PARAMETERS, **changes}
    return Problem(model, picture, [target], baseline, None, parameters, mask, memo={} if memo is None else memo)


@pytest.mark.parametrize("samples", [1, 12, 2500])
@pytest.mark.parametrize("alpha", [1.0, 0.1])
def test_it_is_scikit_learns_ridge_under_the_exponential_kernel_of_cosine_distances(samples, alpha):
    generator = np.random.default_rng(2)
    subsets = draw_subsets(samples, 20, 0)
    if samples > 1:
        subsets[1] = False  # of nothing the distance to the whole is 1
    scores = generator.random((samples, 4))
    distances = pairwise_distances(subsets.astype(float), np.ones((1, 20)), metric="cosine").ravel()
    weights = np.exp(-0.5 * (distances / KERNEL_WIDTH) ** 2)
    fit = fit_ridge(subsets, scores, alpha, weigh_subsets(subsets))
    for output in range(4):
        ridge = Ridge(alpha=alpha).fit(subsets, scores[:, output], sample_weight=weights)
        np.testing.assert_allclose(fit.coefficients[:, output], ridge.coef_, atol=1e-12)
        np.testing.assert_allclose(fit.intercepts[output], ridge.intercept_, atol=1e-12)
        if samples > 1:
            r2 = ridge.score(subsets, scores[:, output], sample_weight=weights)
            np.testing.assert_allclose(fit.r2[output], r2, atol=1e-12)


def test_it_is_the_lime_package_on_the_same_segments():
    one = problem()
    plane = one.feature_mask[0, 0].numpy()

    def predict(pictures):
        with torch.no_grad():
            return one.model(torch.from_numpy(pictures[..., :1]).movedim(3, 1).float()).numpy()

    explained = LimeImageExplainer(random_state=np.random.RandomState(7)).explain_instance(
        one.inputs[0, 0].double().numpy(),
        predict,
        hide_color=0.25,
        top_labels=3,
        num_samples=60,
        segmentation_fn=lambda picture: plane,
        random_seed=0,
    )
    for target in range(3):
        ours = attribute_by_ridge(problem(target))
        weights = dict(explained.local_exp[target])
        expected = np.vectorize(weights.get)(plane)
        assert np.abs(expected).max() > 0.01
        np.testing.assert_allclose(ours.values[0, 0].numpy(), expected, atol=1e-6)
        np.testing.assert_allclose(ours.details["intercept"], explained.intercept[target], atol=1e-6)


def test_the_first_sample_is_the_whole_and_a_seed_draws_always_the_same():
    subsets = draw_subsets(1500, 9, 5)
    assert subsets.shape == (1500, 9)
    assert subsets[0].all()
    assert 0.48 < subsets.mean() < 0.52
    np.testing.assert_array_equal(subsets[1:], np.random.RandomState(5).randint(0, 2, (1500, 9))[1:] == 1)
    assert (subsets != draw_subsets(1500, 9, 6)).any()


def test_all_targets_of_an_instance_share_one_fit():
    asked = []
    memo = {}
    for target in range(3):
        one = problem(target, memo)
        one.model.register_forward_pre_hook(lambda module, rows: asked.append(len(rows[0])))
        np.testing.assert_array_equal(attribute_by_ridge(one).values, attribute_by_ridge(problem(target)).values)
    assert asked == [16, 16, 16, 12]


def test_of_a_constant_score_there_is_no_r2():
    one = problem()
    with torch.no_grad():
        for parameter in one.model.parameters():
            parameter.zero_()
    answer = attribute_by_ridge(one)
    assert answer.details["r2"] is None
    np.testing.assert_allclose(answer.values, 0.0, atol=1e-12)


def test_what_has_no_solution_worth_having_is_refused():
    with pytest.raises(BadInput, match=r"alpha is 0; expected 1e-06 or more with the surrogate 'ridge'"):
        attribute_by_ridge(problem(alpha=0))
    mask = torch.arange(4000).reshape(1, 1, 50, 80)
    with pytest.raises(BadInput, match=r"the fit has 2000 samples \(n_samples\) of 4000 segments; .* at most 2e\+10"):
        attribute_by_ridge(dataclasses.replace(problem(n_samples=2000), feature_mask=mask))
    mask = torch.arange(5000).reshape(1, 1, 50, 100)
    with pytest.raises(BadInput, match=r"5000 segments; expected at most 4096 with the surrogate 'ridge'"):
        attribute_by_ridge(dataclasses.replace(problem(), feature_mask=mask))
