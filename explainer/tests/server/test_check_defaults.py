"""The server's own defaults are checked before it serves."""

from __future__ import annotations

import pytest
from captum_explainer.server.check_defaults import check_defaults
from captum_explainer.settings import PredictorAddress, Settings
from captum_serving.errors import BadInput


@pytest.mark.parametrize(
    "defaults",
    [
        {},
        {"method": "deep_lift"},
        {"n_steps": 15, "seed": 3, "baselines": "blur", "layer": "conv1", "output": "probability"},
        {"n_samples": 1000, "segmentation": "grid", "strides": None},
    ],
)
def test_defaults_that_a_method_takes_are_accepted(defaults):
    check_defaults(Settings("m", PredictorAddress("localhost"), defaults=defaults))


@pytest.mark.parametrize(
    ("defaults", "sentence"),
    [
        ({"n_step": 15}, "--defaults: 'n_step' is not known; did you mean 'n_steps'?"),
        ({"n_steps": 100_000}, "--defaults: n_steps is 100000; expected a whole number of 1 to 1000"),
        ({"n_steps": "15"}, "--defaults: n_steps is '15'; expected a whole number"),
        ({"method": "integrated_gradient"}, "did you mean 'integrated_gradients'?"),
    ],
)
def test_other_defaults_are_told(defaults, sentence):
    with pytest.raises(BadInput) as caught:
        check_defaults(Settings("m", PredictorAddress("localhost"), defaults=defaults))
    assert sentence in str(caught.value)
