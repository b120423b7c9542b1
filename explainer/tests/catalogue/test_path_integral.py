"""Captum's integrated gradients, and those whose sum comes from a predictor, which here is plain torch."""

import dataclasses

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients
from captum_explainer.attribution.explain import explain
from captum_explainer.catalogue.path_integral import Integrals, PathIntegral
from captum_explainer.formats import native
from captum_explainer.formats.request import Request

TARGETS = [2, 0]
STEPS = 6


@pytest.fixture
def model(description):
    return dataclasses.replace(description, predicts=True, integrates=True)


@pytest.fixture
def attributed(network, far_sighted, model, images):
    """By both, for two images."""

    def run(**arguments):
        integrals = Integrals(far_sighted, model, None)
        given = {"baselines": 0.25 * torch.ones_like(images), "target": TARGETS, "n_steps": STEPS, **arguments}
        far_sighted.asked.clear()
        ours = PathIntegral(network, integrals.integrate).attribute(images, **given)
        return ours, IntegratedGradients(network).attribute(images, **given)

    return run


@pytest.mark.parametrize(
    "arguments",
    [{}, {"method": "riemann_trapezoid"}, {"internal_batch_size": 4}, {"target": torch.tensor(TARGETS)}],
    ids=str,
)
def test_the_bits_are_captums(attributed, arguments):
    ours, captums = attributed(**arguments)
    np.testing.assert_array_equal(ours.numpy(), captums.numpy(), strict=True)


def test_what_one_call_cannot_carry_is_asked_for_by_halves(attributed, far_sighted, monkeypatch):
    ours, captums = attributed()
    assert len(far_sighted.asked) == 1
    whole = far_sighted.ask_values
    monkeypatch.setattr(far_sighted, "ask_values", lambda *call: whole(*call) if len(call[2]) == 1 else None)
    by_two_calls, _ = attributed()
    assert len(far_sighted.asked) == 2
    np.testing.assert_array_equal(ours.numpy(), captums.numpy(), strict=True)
    # Of fewer rows a convolution's last bits may be others.
    np.testing.assert_allclose(by_two_calls.numpy(), captums.numpy(), rtol=1e-5)


def test_where_one_call_cannot_carry_it_captum_takes_the_sum(attributed, far_sighted, monkeypatch):
    monkeypatch.setattr(far_sighted, "ask_values", lambda *_: None)
    ours, captums = attributed()
    np.testing.assert_array_equal(ours.numpy(), captums.numpy(), strict=True)


@pytest.mark.parametrize("changed", [{}, {"target": 1}, {"top_k": 2}, {"smooth": {"nt_samples": 3}}], ids=str)
def test_no_point_is_computed_outside_of_the_predictor(model, far_sighted, settings, images, changed):
    request = Request(images, {"method": "integrated_gradients", "n_steps": STEPS, **changed}, native.write)
    explain(request, model, far_sighted, settings)
    gradients = [stages for _, stages, with_gradient in far_sighted.asked if with_gradient]
    assert gradients
    assert all(stages in (("logits",), ()) for stages in gradients)


def test_a_probabilitys_path_is_captums(model, far_sighted, settings, images):
    request = Request(
        images, {"method": "integrated_gradients", "n_steps": STEPS, "output": "probability"}, native.write
    )
    explain(request, model, far_sighted, settings)
    assert ("image", "logits", True) in far_sighted.asked


def test_a_predictor_without_integrals_is_sent_the_points_with_the_scores(description, far_sighted, settings, images):
    request = Request(images, {"method": "integrated_gradients", "n_steps": STEPS}, native.write)
    of = {}
    for integrates in (True, False):
        far_sighted.asked.clear()
        model = dataclasses.replace(description, predicts=True, integrates=integrates)
        of[integrates] = explain(request, model, far_sighted, settings).values
        assert far_sighted.asked == [("image", ("logits",), True)]
    np.testing.assert_array_equal(of[True], of[False])
