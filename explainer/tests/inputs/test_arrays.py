import base64
import io

import numpy as np
import pytest
import torch
from captum_explainer.inputs.arrays import add_own_targets, read_instances
from captum_serving.errors import BadInput, TooLarge
from PIL import Image

PIXELS = np.arange(36, dtype=np.uint8).reshape(6, 6)
NUMBERS = (PIXELS / np.float32(255)).tolist()


def text():
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


@pytest.mark.parametrize(
    "instance",
    [
        NUMBERS,
        [NUMBERS],
        {"b64": text()},
        {"data": text()},
        {"data": "data:image/png;base64," + text()},
        {"data": NUMBERS},
        {"data": [NUMBERS], "target": 1},
        {"body": text(), "target": "bee"},
        {"b64": text(), "target": None},
    ],
)
def test_an_instance_in_each_of_its_forms(instance, description, settings):
    read = read_instances([instance], description, settings.limits)
    torch.testing.assert_close(read, torch.tensor(NUMBERS)[None, None], rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    ("instance", "sentence"),
    [
        ({}, "instances[0] has the keys []; expected"),
        ({"target": 1}, "instances[0] has the keys ['target']; expected"),
        ({"data": NUMBERS, "body": NUMBERS}, "instances[0] has the keys ['body', 'data']; expected"),
        ({"data": NUMBERS, "label": 1}, "instances[0] has the keys ['data', 'label']; expected"),
        ({"data": None}, "instances[0].data is not a list; expected nested numbers"),
        ({"data": 7}, "instances[0].data is not a list; expected nested numbers"),
        ({"data": {"b64": ""}}, "instances[0].data is not a list; expected nested numbers"),
        ({"data": "no base64!"}, "instances[0].data is not base64; expected a picture in base64"),
        ({"data": "aGVsbG8="}, "the picture's format is not known"),
        ({"data": NUMBERS[1:]}, "instances[0].data has the shape [5, 6]; expected [1, 6, 6]"),
        ({"b64": NUMBERS}, "instances[0].b64 is not a string; expected a picture in base64"),
    ],
)
def test_what_holds_no_picture_is_refused(instance, sentence, description, settings):
    with pytest.raises(BadInput) as refusal:
        read_instances([instance], description, settings.limits)
    assert sentence in refusal.value.sentence


def test_more_instances_than_the_server_takes_are_too_large(description, settings):
    with pytest.raises(TooLarge):
        read_instances([NUMBERS] * (settings.limits.max_instances + 1), description, settings.limits)


@pytest.mark.parametrize(
    ("instances", "target"),
    [
        ([{"data": [], "target": 7}, {"data": [], "target": "bee"}], [7, "bee"]),
        ([{"data": [], "target": 0}, [], {"data": []}, {"data": [], "target": None}], [0, None, None, None]),
    ],
)
def test_instances_name_targets_of_their_own(instances, target):
    assert add_own_targets({"n_steps": 5, "target": None}, instances) == {"n_steps": 5, "target": target}


def test_without_them_the_parameters_are_as_they_were():
    assert add_own_targets({"target": 3}, [[], {"data": [], "target": None}]) == {"target": 3}
    assert add_own_targets({}, [[]]) == {}


def test_a_target_in_both_places_is_refused():
    with pytest.raises(BadInput, match="parameters and instances both have a target; expected only one of them"):
        add_own_targets({"target": 0}, [{"data": [], "target": 0}])
