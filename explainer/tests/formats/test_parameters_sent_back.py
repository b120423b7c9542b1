"""An answer's parameters, as a client in JavaScript sends them back: it writes 1.0 as 1."""

import json

import numpy as np
import pytest
from captum_explainer.catalogue.catalogue import catalogue
from captum_explainer.formats import dispatch

FEW = {"n_steps": 4, "n_samples": 6, "segmentation": "grid", "n_segments": 4, "n_perturb_samples": 2}
MORE = {
    "lime": [{"surrogate": "ridge"}, {"surrogate": "ridge", "alpha": 1}, {"alpha": 1}],
    "gradient_shap": [{"stdevs": 0}, {"stdevs": 1}],
    "layer_gradient_shap": [{"stdevs": 0}],
    "neuron_gradient_shap": [{"stdevs": 0}],
    "layer_feature_ablation": [{"layer_baselines": 1}],
    "integrated_gradients": [
        {"tolerance": 0},
        {"smooth": {"nt_samples": 2, "stdevs": 1}},
        {"metrics": ["infidelity"], "perturb_radius": 1},
        {"baselines": 0},
        {"baselines": [[[0, 1, 0, 0, 1, 0]] * 6]},
    ],
}
CASES = [(name, {}) for name in catalogue()] + [(name, more) for name, each in MORE.items() for more in each]


def written_by_javascript(value):
    """JSON in which whole numbers have no point."""
    if isinstance(value, dict):
        return {key: written_by_javascript(each) for key, each in value.items()}
    if isinstance(value, list):
        return [written_by_javascript(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@pytest.mark.parametrize(("name", "more"), CASES)
def test_they_are_taken_and_mean_the_same(name, more, ask, images):
    method = catalogue()[name]
    known = {*method.takes.parameters, *(("segmentation", "n_segments") if method.takes.segments else ())}
    given = {key: value for key, value in FEW.items() if key in known} | more | {"method": name}
    given |= {"layer": "conv"} if method.has_layer else {}
    given |= {"neuron": [1, 3, 3]} if method.family == "neuron" else {}
    document = {"instances": images.tolist(), "parameters": given}
    first = json.loads(ask(dispatch.read, json.dumps(document).encode()).body)
    document["parameters"] = written_by_javascript(first["parameters"])
    again = json.loads(ask(dispatch.read, json.dumps(document).encode()).body)
    assert again["parameters"] == first["parameters"]
    np.testing.assert_array_equal(again["explanations"], first["explanations"])
