import dataclasses

import numpy as np
import pytest
import torch
from captum.attr import GradientShap
from captum_explainer.catalogue.catalogue import catalogue
from captum_explainer.settings import Limits
from captum_serving.errors import BadInput


@pytest.fixture
def explained(explain_tensors, plain_predictor):
    """Explains pictures [n, 1, 6, 6]: the explanations, and the rows of the call that scores inputs and baselines."""

    def run(images, **parameters):
        plain_predictor.exchanges.clear()
        explanations = explain_tensors(images, parameters)
        return explanations, plain_predictor.exchanges[0].rows

    return run


@pytest.mark.parametrize(
    ("method", "baselines", "rows"),
    [
        ("gradient_shap", torch.rand(5, 1, 6, 6).tolist(), 3 + 5),
        ("gradient_shap", "random", 3 + 20),
        ("integrated_gradients", 0.5, 3 + 1),
        ("integrated_gradients", "ones", 3 + 1),
        ("deep_lift", torch.rand(1, 6, 6).tolist(), 3 + 1),
        ("deep_lift", torch.rand(3, 1, 6, 6).tolist(), 3 + 3),
        ("deep_lift", "mean", 3 + 3),
        ("saliency", None, 3),
    ],
)
def test_baselines_that_instances_share_are_scored_once(method, baselines, rows, explained):
    parameters = {} if baselines is None else {"baselines": baselines}
    _, scored = explained(torch.rand(3, 1, 6, 6), method=method, **parameters)
    assert scored == rows


def test_each_instances_baseline_score_is_that_of_its_own_baselines(explained, network):
    images = torch.rand(3, 1, 6, 6)
    for baselines in (torch.rand(3, 1, 6, 6), torch.rand(4, 1, 6, 6)):
        method = "deep_lift" if len(baselines) == 3 else "gradient_shap"
        explanations, _ = explained(images, method=method, baselines=baselines.tolist(), target=1)
        scores = network(baselines)[:, 1]
        expected = scores if method == "deep_lift" else scores.mean().repeat(3)
        got = torch.tensor([details["baseline_score"] for details in explanations.details])
        torch.testing.assert_close(got, expected)


@pytest.mark.parametrize("method", ["guided_backprop", "lrp"])
def test_instances_of_which_every_stage_is_held_are_explained_in_parts(
    method, explained, explain_tensors, plain_predictor, settings
):
    images = torch.rand(9, 1, 6, 6)
    whole, _ = explained(images, method=method)
    # A picture is 144 bytes: two of them a call.
    few = dataclasses.replace(settings, limits=Limits(max_call_bytes=300))
    plain_predictor.exchanges.clear()
    parts = explain_tensors(images, {"method": method}, settings=few)
    assert max(exchange.rows for exchange in plain_predictor.exchanges[1:]) == 2
    np.testing.assert_allclose(parts.values, whole.values, rtol=1e-5, atol=1e-7)


def test_more_baselines_than_a_pass_may_hold_are_refused(explain_tensors, settings):
    few = dataclasses.replace(settings, limits=Limits(max_call_bytes=200))
    parameters = {"method": "deep_lift_shap", "baselines": torch.rand(20, 1, 6, 6).tolist()}
    with pytest.raises(BadInput, match="baselines are 20; expected at most 17 of this size"):
        explain_tensors(torch.rand(1, 1, 6, 6), parameters, settings=few)


@pytest.fixture
def failing(monkeypatch):
    """Lets saliency do something else."""

    def replace(attribute):
        monkeypatch.setitem(
            catalogue(), "saliency", dataclasses.replace(catalogue()["saliency"], attribute_by=attribute)
        )

    return replace


def test_what_captum_asserts_is_the_callers_mistake(failing, explained):
    failing(lambda problem: GradientShap(problem.model).attribute(problem.inputs, baselines=None))
    with pytest.raises(BadInput, match="saliency: Baselines distribution has to be provided"):
        explained(torch.rand(1, 1, 6, 6), method="saliency")


def test_what_we_assert_is_our_own_mistake(failing, explained):
    def ours(problem):
        raise AssertionError("never")

    failing(ours)
    with pytest.raises(AssertionError, match="never"):
        explained(torch.rand(1, 1, 6, 6), method="saliency")
