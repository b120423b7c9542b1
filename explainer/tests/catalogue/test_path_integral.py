"""Captum's integrated gradients, and those whose sum comes from a predictor, which here is plain torch."""

import dataclasses

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients
from captum_explainer.catalogue.path_integral import PathIntegral
from captum_explainer.inputs.targets import one_hot
from captum_explainer.predictor_client.exchange import Derivative, Exchange, StraightPath

TARGETS = [2, 0]
STEPS = 6


@pytest.fixture
def attributed(network, local_predictor, images):
    """By both, for two images."""

    def integrate(starts, ends, nodes, weights, targets):
        path = StraightPath(starts.numpy(), nodes, weights)
        derivative = Derivative(("image",), {"logits": one_hot(np.asarray(targets), 3)}, path=path)
        answer = local_predictor.answer(Exchange({"image": ends.numpy()}, (), derivative))
        return torch.from_numpy(answer.gradients["image"])

    def run(integrate=integrate, **arguments):
        given = {"baselines": 0.25 * torch.ones_like(images), "target": TARGETS, "n_steps": STEPS, **arguments}
        ours = PathIntegral(network, integrate).attribute(images, **given)
        return ours, IntegratedGradients(network).attribute(images, **given)

    return run


@pytest.mark.parametrize(
    ("arguments", "calls"),
    [
        ({}, 1),
        ({"method": "riemann_trapezoid"}, 1),
        ({"internal_batch_size": 4}, 3),
        ({"target": torch.tensor(TARGETS)}, 1),
    ],
    ids=str,
)
def test_the_bits_are_captums(attributed, local_predictor, arguments, calls):
    ours, captums = attributed(**arguments)
    np.testing.assert_array_equal(ours.numpy(), captums.numpy(), strict=True)
    assert len(local_predictor.exchanges) == calls


def test_where_no_call_can_carry_a_path_captum_takes_the_sum(attributed, local_predictor):
    ours, captums = attributed(lambda *_: None)
    np.testing.assert_array_equal(ours.numpy(), captums.numpy(), strict=True)
    assert local_predictor.exchanges == []


@pytest.fixture
def model(description):
    return dataclasses.replace(description, predicts=True, integrates=True)


@pytest.fixture
def explained(explain_tensors, local_predictor, model, images):
    """By the way of a request; the values, float32 [2, 1, 6, 6]."""

    def run(model=model, **parameters):
        local_predictor.exchanges.clear()
        given = {"method": "integrated_gradients", "n_steps": STEPS, **parameters}
        return explain_tensors(images, given, predictor=local_predictor, model=model).values

    return run


@pytest.mark.parametrize("changed", [{}, {"target": 1}, {"top_k": 2}, {"smooth": {"nt_samples": 3}}], ids=str)
def test_no_point_is_computed_outside_of_the_predictor(explained, local_predictor, changed):
    explained(**changed)
    derivatives = [one for one in local_predictor.exchanges if one.derivative is not None]
    assert derivatives
    assert all(one.derivative.path is not None and one.sinks in (("logits",), ()) for one in derivatives)


@pytest.mark.parametrize("changed", [{}, {"internal_batch_size": 4}], ids=str)
def test_an_explanations_bits_are_captums(explained, network, images, changed):
    ours = explained(target=TARGETS, **changed)
    captums = IntegratedGradients(network).attribute(images, target=TARGETS, n_steps=STEPS, **changed)
    np.testing.assert_array_equal(ours, captums.numpy(), strict=True)


def test_where_one_call_cannot_carry_a_path_the_points_go_through_the_skeleton(
    explained, local_predictor, network, images, monkeypatch
):
    def carries(exchange):
        return exchange.points == 0

    monkeypatch.setattr(local_predictor, "carries", carries)
    ours = explained(target=TARGETS)
    captums = IntegratedGradients(network).attribute(images, target=TARGETS, n_steps=STEPS)
    np.testing.assert_array_equal(ours, captums.numpy(), strict=True)
    assert all(exchange.points == 0 for exchange in local_predictor.exchanges)


def test_a_path_is_asked_for_by_itself_where_one_call_has_no_room_for_the_scores_too(
    explained, local_predictor, network, images, monkeypatch
):
    def carries(exchange):
        return exchange.points == 0 or not exchange.sinks

    monkeypatch.setattr(local_predictor, "carries", carries)
    ours = explained(target=TARGETS)
    captums = IntegratedGradients(network).attribute(images, target=TARGETS, n_steps=STEPS)
    np.testing.assert_array_equal(ours, captums.numpy(), strict=True)
    assert local_predictor.asked == [("image", "logits", False), ("image", (), True)]


def test_a_probabilitys_path_is_captums(explained, local_predictor):
    explained(output="probability")
    assert ("image", "logits", True) in local_predictor.asked
    assert all(exchange.points == 0 for exchange in local_predictor.exchanges)


def test_a_predictor_without_integrals_is_sent_the_points_with_the_scores(explained, local_predictor, model):
    of = {}
    for integrates in (True, False):
        of[integrates] = explained(dataclasses.replace(model, integrates=integrates))
        assert local_predictor.asked == [("image", "logits", True)]
        assert (local_predictor.exchanges[0].points > 0) == integrates
    np.testing.assert_array_equal(of[True], of[False])
