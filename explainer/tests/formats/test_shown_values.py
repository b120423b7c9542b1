"""Whatever stands where another value is expected is refused by a sentence: deeply nested, long, or a huge number."""

import json
import time

import pytest
from captum_explainer.catalogue.catalogue import catalogue
from captum_explainer.catalogue.shared_parameters import list_parameters
from captum_explainer.formats import dispatch, torchserve, v2
from captum_explainer.predictor_client.description import Access, Description
from captum_serving.errors import BadInput, ServingError

# Python's own json writes no such depth, so values stand in their documents as JSON.
PLACE = "the value's place"
VALUES = {
    "deep": "[" * 980 + "]" * 980,
    "long": json.dumps([3] * 10**6),
    "object": '{"a": ' * 980 + "1" + "}" * 980,
    "string": json.dumps("x" * 10**6),
}
NO_STRINGS = ["deep", "long", "object"]
HUGE = "9" * 309
MOST_CHARACTERS = 2000
SECONDS = 1.0
GOOD = [[[[0.0] * 6] * 6]]


def refused(ask, read, document, value=""):
    body = json.dumps(document).replace(json.dumps(PLACE), VALUES.get(value, "")).encode()
    started = time.perf_counter()
    with pytest.raises(ServingError) as refusal:
        ask(read, body)
    assert time.perf_counter() - started < SECONDS
    assert refusal.value.http_status in (400, 413)
    assert len(refusal.value.sentence) < MOST_CHARACTERS
    return refusal.value.sentence


def list_cases():
    """A method that takes it, for each parameter of the catalogue."""
    cases = {}
    for method in catalogue():
        for name in list_parameters(catalogue()[method], Description("tiny", Access.STRUCTURE)):
            cases.setdefault(name, method)
    return sorted(cases.items())


def make_parameters(method, name, value):
    layer = {"layer": "conv"} if catalogue()[method].has_layer else {}
    neuron = {"neuron": [0, 0, 0]} if catalogue()[method].family == "neuron" else {}
    return {"method": method, **layer, **neuron, name: value}


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize(("name", "method"), list_cases())
def test_a_parameter(name, method, value, ask):
    given = make_parameters(method, name, PLACE)
    assert name in refused(ask, dispatch.read, {"instances": GOOD * 2, "parameters": given}, value)


@pytest.mark.parametrize("value", NO_STRINGS)
@pytest.mark.parametrize(
    "document",
    [
        {"instances": PLACE},
        {"instances": [PLACE]},
        {"instances": [{"b64": PLACE}]},
        {"instances": [{"data": PLACE}]},
        {"instances": [{"data": GOOD[0], "target": PLACE}]},
        {"instances": GOOD, "parameters": PLACE},
        {"instances": GOOD, "parameters": {"method": PLACE}},
        {"instances": GOOD, "parameters": {"unknown": PLACE}},
        {"instances": GOOD, "render": PLACE},
        {"instances": GOOD, "render": {"look": PLACE}},
        {"instances": GOOD, "render": {"scale": PLACE}},
        {"instances": GOOD, "format": PLACE},
        {"instances": GOOD, "format": "alibi", "parameters": {"method": PLACE}},
        {"instances": GOOD, "top_labels": PLACE},
        {"instances": GOOD, "top_labels": 1, "positive_only": PLACE},
        {"instances": GOOD, "top_labels": 1, "segmentation_alg": PLACE},
        {"instances": GOOD, "top_labels": 1, "parameters": {"segmentation": PLACE}},
    ],
)
def test_another_place(document, value, ask):
    refused(ask, dispatch.read, document, value)
    refused(ask, torchserve.read, document, value)


@pytest.mark.parametrize("value", NO_STRINGS)
@pytest.mark.parametrize("key", ["name", "datatype", "shape", "data"])
def test_a_v2_tensor(key, value, ask):
    tensor = {"name": "image", "datatype": "FP32", "shape": [1, 1, 6, 6], "data": [0.0] * 36, key: PLACE}
    refused(ask, v2.read, {"inputs": [tensor]}, value)


@pytest.mark.parametrize("value", NO_STRINGS)
@pytest.mark.parametrize("key", ["inputs", "outputs", "parameters", "id"])
def test_a_v2_key(key, value, ask):
    tensor = {"name": "image", "datatype": "FP32", "shape": [1, 1, 6, 6], "data": [0.0] * 36}
    refused(ask, v2.read, {"inputs": [tensor], key: PLACE}, value)


def test_many_and_long_names_are_not_all_shown(ask):
    empty = [{"name": f"tensor{i}", "datatype": "FP32", "shape": [0], "data": []} for i in range(10_000)]
    refused(ask, v2.read, {"inputs": empty})
    refused(ask, v2.read, {"inputs": [{**empty[0], "name": "x" * 10**6}]})
    refused(ask, dispatch.read, {"instances": [dict.fromkeys(map(str, range(10_000)))]})
    refused(ask, dispatch.read, {"instances": [{"x" * 10**6: 1, "y": 1}]})
    refused(ask, dispatch.read, {"instances": GOOD, "x" * 10**6: 1})


@pytest.mark.parametrize("key", ["top_labels", "num_samples", "min_weight", "seed"])
@pytest.mark.parametrize("value", [HUGE, "-" + HUGE, "9" * 30, "1e400"])
def test_aix_numbers_of_many_digits(key, value, ask):
    if key == "min_weight" and value == "9" * 30:
        pytest.skip("any number will do")
    refused(ask, dispatch.read, {"instances": GOOD, "top_labels": 1, key: value})


def test_indices_and_windows_are_shown_shortened(ask):
    digits = [10**18] * 16
    for parameters in (
        {"method": "occlusion", "sliding_window_shapes": digits},
        {"method": "occlusion", "strides": digits},
        {"method": "neuron_gradient", "layer": "conv", "neuron": digits},
    ):
        assert len(refused(ask, dispatch.read, {"instances": GOOD, "parameters": parameters})) < 200


def test_a_list_at_its_limit_is_looked_at(ask, settings):
    many = [0] * settings.limits.max_instances
    with pytest.raises(BadInput, match="target has 1024 entries; expected 1, one per instance"):
        ask(dispatch.read, json.dumps({"instances": GOOD, "parameters": {"target": many}}).encode())
    with pytest.raises(BadInput, match="target has 1025 entries; expected at most 1024"):
        ask(dispatch.read, json.dumps({"instances": GOOD, "parameters": {"target": [*many, 0]}}).encode())
