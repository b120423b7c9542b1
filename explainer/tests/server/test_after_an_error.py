"""A Captum call that fails in the middle: the next explanation in this process has the bits of the one before."""

import numpy as np
import pytest
from captum.attr import LRP, DeepLift, GuidedBackprop
from captum_explainer.catalogue.catalogue import catalogue
from captum_serving.errors import Unavailable

FEW = {"n_steps": 4, "n_samples": 6, "perturbations_per_eval": 3, "segmentation": "grid", "n_segments": 4}
HOOKING = [name for name, method in catalogue().items() if method.cuts.nonlinearities or method.cuts.relevance]

# One of each way to hook.
OTHERS = ("deep_lift", "guided_backprop", "layer_deep_lift", "lrp", "neuron_deconvolution")


class Failing:
    """A predictor of which one call fails: the one after `left` more."""

    def __init__(self, predictor):
        self.predictor = predictor
        self.carries = predictor.carries
        self.left = None

    def answer(self, exchange):
        if self.left == 0:
            self.left = None
            raise Unavailable("the predictor is gone")
        if self.left is not None:
            self.left -= 1
        return self.predictor.answer(exchange)


@pytest.fixture
def failing(plain_predictor):
    return Failing(plain_predictor)


@pytest.fixture
def explained(explain_tensors, failing, images):
    """A method's attributions of one image, [1, ...]."""

    def values(name):
        method = catalogue()[name]
        segmentation = ("segmentation", "n_segments") if method.takes.segments else ()
        parameters = {key: value for key, value in FEW.items() if key in (*method.takes.parameters, *segmentation)}
        if name == "shapley_values":
            parameters["perturbations_per_eval"] = 4  # all segments: an order is a call
        layer = {"layer": "conv"} if method.has_layer else {}
        neuron = {"neuron": [1, 3, 3]} if method.family == "neuron" else {}
        some = images if method.passes.across else images[:1]
        return np.stack(
            explain_tensors(some, {"method": name, **parameters, **layer, **neuron}, predictor=failing).values
        )

    return values


@pytest.mark.parametrize("name", list(catalogue()))
def test_a_failure_at_any_call_changes_nothing(name, explained, failing, plain_predictor):
    before = explained(name)
    calls = len(plain_predictor.exchanges)
    assert calls > 1  # the first one is for the scores, and the others are Captum's
    for position in sorted({*range(min(calls, 4)), calls - 1}):
        failing.left = position
        with pytest.raises(Unavailable, match="gone"):
            explained(name)
        np.testing.assert_array_equal(explained(name), before, err_msg=f"call {position} failed", strict=True)


@pytest.mark.parametrize("name", HOOKING)
def test_nor_do_hooks_that_captum_leaves_behind(name, explained, failing, plain_predictor, monkeypatch):
    """Captum 0.9.0 takes its hooks away by itself: here it does not, and the next explanation runs on other modules."""
    before = {other: explained(other) for other in OTHERS}
    plain_predictor.exchanges.clear()
    explained(name)
    calls = len(plain_predictor.exchanges)
    assert calls > 1
    failing.left = calls - 1
    with monkeypatch.context() as patched:
        patched.setattr(DeepLift, "_remove_hooks", lambda *hooks: None)
        patched.setattr(LRP, "_restore_model", lambda self: None)
        patched.setattr(GuidedBackprop, "_remove_hooks", lambda *hooks: None)
        with pytest.raises(Unavailable, match="gone"):
            explained(name)
    for other in OTHERS:
        np.testing.assert_array_equal(explained(other), before[other], err_msg=other, strict=True)
