"""What the page of methods says that a method costs is what it asks the predictor."""

import dataclasses
import math

import numpy as np
import pytest
from captum_explainer.catalogue.catalogue import catalogue
from captum_explainer.catalogue.cost_words import COST_IN_WORDS
from captum_explainer.kinds.text.methods import METHODS as TEXT_METHODS

FEW = {"n_steps": 6, "n_samples": 5, "perturbations_per_eval": 3}
SEGMENTS, UNITS, WINDOWS = 4, 2, 9


@pytest.fixture
def explained(description, explain_tensors, local_predictor, plain_predictor, images):
    """Explains images [1, 6, 6]: the values, and how often the predictor was asked."""

    def run(name, instances=2, extended=True, **parameters):
        method = catalogue()[name]
        parameters |= {key: value for key, value in FEW.items() if key in method.takes.parameters}
        if method.takes.segments:
            parameters |= {"segmentation": "grid", "n_segments": SEGMENTS}
        if name == "occlusion":
            parameters |= {"sliding_window_shapes": 2, "strides": 2}
        if method.has_layer:
            parameters["layer"] = "conv"
        if method.family == "neuron":
            parameters["neuron"] = [1, 3, 3]
        predictor = local_predictor if extended else plain_predictor
        predictor.exchanges.clear()
        model = dataclasses.replace(description, predicts=extended, gives_values=extended, integrates=extended)
        answer = explain_tensors(images[:instances], {"method": name, **parameters}, predictor=predictor, model=model)
        return answer.values, len(predictor.exchanges)

    return run


@pytest.fixture
def asked(explained):
    """How often a method asks the predictor after the scores."""
    return lambda name, **parameters: explained(name, **parameters)[1] - 1


def documented(name, passes=1, instances=2):
    names = {"segments": SEGMENTS, "units": UNITS, "windows": WINDOWS, "instances": instances, "passes": passes}
    structure = {"remote": 2, "linear": 3, "below": 1, "above": 1}
    functions = {"ceil": math.ceil, "factorial": math.factorial}
    return eval(catalogue()[name].about.cost, {**FEW, **names, **structure, **functions})


def test_every_cost_has_its_words_and_no_others():
    assert {method.about.cost for method in [*catalogue().values(), *TEXT_METHODS.values()]} == set(COST_IN_WORDS)


@pytest.mark.parametrize("name", list(catalogue()))
def test_a_method_asks_as_often_as_documented(name, asked):
    assert asked(name) == documented(name)


@pytest.mark.parametrize("name", [name for name, method in catalogue().items() if not method.passes.across])
def test_of_one_instance_it_asks_as_often_as_documented(name, asked):
    assert asked(name, instances=1) == documented(name, instances=1)


CHANGES = [
    {},
    {"target": 1},
    {"target": [1, None]},
    {"top_k": 2},
    {"output": "probability"},
    {"smooth": {"nt_samples": 3}},
]


@pytest.mark.parametrize("changed", CHANGES, ids=str)
@pytest.mark.parametrize("name", list(catalogue()))
def test_what_is_asked_ahead_changes_no_bit_and_costs_no_call(name, changed, explained):
    method = catalogue()[name]
    taken = {*method.takes.parameters, *(("target", "top_k") if method.takes.target else ())}
    taken |= {"output"} if method.takes.target and not method.cuts.relevance else set()
    parameters = {key: value for key, value in changed.items() if key in taken}
    values, calls = explained(name, **parameters)
    asked_for, more = explained(name, extended=False, **parameters)
    np.testing.assert_array_equal(values, asked_for)
    assert calls <= more


@pytest.mark.parametrize("name", [name for name, method in catalogue().items() if "n_steps" in method.takes.parameters])
def test_passes_are_as_many_as_the_points_fill(name, asked):
    # Six points of two instances, by four rows; conductance is of differences, so each pass has its first point again.
    assert asked(name, internal_batch_size=4) == documented(name, passes=6 if name == "layer_conductance" else 3)
