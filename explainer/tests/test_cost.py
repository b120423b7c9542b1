"""What the page of methods says that a method costs is what it asks the predictor."""

import math

import pytest
from captum_explainer.catalogue import catalogue
from captum_explainer.explain import explain
from captum_explainer.formats import native
from captum_explainer.request import Request

FEW = {"n_steps": 6, "n_samples": 5, "perturbations_per_eval": 3}
SEGMENTS, UNITS, WINDOWS = 4, 2, 9


@pytest.fixture
def asked(description, segments, settings, images):
    """How often a method asks the predictor after the scores, of two images [1, 6, 6]."""

    def count(name, **parameters):
        method = catalogue()[name]
        parameters |= {key: value for key, value in FEW.items() if key in method.parameters}
        if method.takes_segments:
            parameters |= {"segmentation": "grid", "n_segments": SEGMENTS}
        if name == "occlusion":
            parameters |= {"sliding_window_shapes": 2, "strides": 2}
        if method.has_layer:
            parameters["layer"] = "conv"
        if method.family == "neuron":
            parameters["neuron"] = [1, 3, 3]
        segments.asked.clear()
        explain(Request(images, {"method": name, **parameters}, native.write), description, segments, settings)
        return len(segments.asked) - 1

    return count


def documented(name, passes=1, instances=2):
    names = {"segments": SEGMENTS, "units": UNITS, "windows": WINDOWS, "instances": instances, "passes": passes}
    structure = {"remote": 2, "linear": 3, "below": 1, "above": 1}
    functions = {"ceil": math.ceil, "factorial": math.factorial}
    return eval(catalogue()[name].cost, {**FEW, **names, **structure, **functions})


@pytest.mark.parametrize("name", list(catalogue()))
def test_a_method_asks_as_often_as_documented(name, asked):
    assert asked(name) == documented(name)


@pytest.mark.parametrize("name", [name for name, method in catalogue().items() if "n_steps" in method.parameters])
def test_passes_are_as_many_as_the_points_fill(name, asked):
    # Six points of two instances, by four rows; conductance is of differences, so each pass has its first point again.
    assert asked(name, internal_batch_size=4) == documented(name, passes=6 if name == "layer_conductance" else 3)
