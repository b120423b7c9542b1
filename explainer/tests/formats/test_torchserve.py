import dataclasses
import json

import httpx
import numpy as np
import pytest
import requests
from captum_explainer.formats.torchserve import read
from captum_explainer.settings import Limits
from captum_serving.errors import BadInput, TooLarge


@pytest.fixture
def bare(settings):
    return dataclasses.replace(settings, service_envelope="none")


def values(answer):
    assert answer.media_type == "application/json"
    document = json.loads(answer.body)
    return np.float32(document["explanations"] if isinstance(document, dict) else document)


def form(files, fields=None):
    """A form as requests sends it."""
    prepared = requests.Request("POST", "http://host", files=files, data=fields).prepare()
    return prepared.body, prepared.headers["Content-Type"]


@pytest.mark.parametrize(
    "content_type",
    ["", "image/png", "application/octet-stream", "application/json", "multipart/form-data; boundary=x", "nonsense"],
)
def test_a_pictures_bytes_are_explained_whatever_they_are_called(content_type, ask, png, integrated, predicted):
    answer = ask(read, png, content_type=content_type)
    assert list(json.loads(answer.body)) == ["explanations"]
    np.testing.assert_array_equal(values(answer), integrated(predicted[:1]), strict=True)


@pytest.mark.parametrize("form_of", ["JPEG", "BMP", "WEBP"])
def test_other_pictures_bytes_too(form_of, ask, pixels, encode_picture):
    assert values(ask(read, encode_picture(pixels[0], form_of))).shape == (1, 1, 6, 6)


def test_without_an_envelope_the_list_is_bare(ask, bare, png, integrated, predicted):
    answer = ask(read, png, bare)
    np.testing.assert_array_equal(values(answer), integrated(predicted[:1]), strict=True)


@pytest.mark.parametrize("name", ["data", "body"])
def test_a_forms_part_is_explained(name, ask, png, integrated, predicted):
    body, content_type = form({name: ("0.png", png, "image/png")})
    np.testing.assert_array_equal(values(ask(read, body, content_type=content_type)), integrated(predicted[:1]))


@pytest.mark.parametrize(("target", "index"), [("2", 2), ("bee", 1), (" 0\n", 0)])
def test_a_form_may_name_a_target(target, index, ask, png, integrated):
    body, content_type = form({"data": png}, {"target": target})
    np.testing.assert_array_equal(values(ask(read, body, content_type=content_type)), integrated([index]))


def test_a_forms_part_may_be_json(ask, texts, integrated):
    body, content_type = form({"data": json.dumps({"data": texts[0], "target": 2})})
    np.testing.assert_array_equal(values(ask(read, body, content_type=content_type)), integrated([2]))


def test_instances_of_json_are_explained_each_for_its_target(ask, bare, settings, texts, inputs, integrated, predicted):
    document = {"instances": [{"data": texts[0], "target": 2}, {"body": inputs[1].tolist()}]}
    for envelope in (settings, bare):
        answer = ask(read, json.dumps(document).encode(), envelope, content_type="application/json")
        np.testing.assert_array_equal(values(answer), integrated([2, predicted[1]]), strict=True)


@pytest.mark.parametrize("key", ["data", "body", None])
def test_one_picture_of_json_is_like_its_bytes(key, ask, bare, settings, inputs, integrated, predicted):
    document = inputs[0, 0].tolist() if key is None else {key: inputs[0].tolist()}
    body = b"\n " + json.dumps(document).encode()
    np.testing.assert_array_equal(values(ask(read, body)), integrated(predicted[:1]), strict=True)
    np.testing.assert_array_equal(values(ask(read, body, bare)), integrated(predicted[:1]), strict=True)


def test_our_own_parameters_stand_beside_instances(ask, texts, integrated):
    document = {"instances": [{"data": texts[0]}], "parameters": {"n_steps": 5, "target": 1}}
    np.testing.assert_array_equal(values(ask(read, json.dumps(document).encode())), integrated([1], n_steps=5))


def test_the_servers_defaults_are_this_ways_too(ask, settings, png, integrated, predicted):
    answer = ask(read, png, dataclasses.replace(settings, defaults={"n_steps": 15}))
    np.testing.assert_array_equal(values(answer), integrated(predicted[:1], n_steps=15))


BODIES = {
    "nothing": (b"", "the picture's format is not known"),
    "text": (b"hello", "the picture's format is not known; expected one of PNG, JPEG"),
    "a word of JSON": (b'"aGVsbG8="', "the picture's format is not known"),
    "cut off JSON": (b'{"data": ', "the body is not JSON"),
    "an empty object": (b"{}", "has the keys []; expected"),
    "an empty list": (b"[]", "has the shape [0]; expected [1, 6, 6]"),
    "a list of words": (b'["a"]', "holds something that is not a number"),
    "no picture in data": (b'{"data": ""}', "the picture's format is not known"),
    "no base64 in data": (b'{"data": "?"}', "data is not base64"),
    "an unknown key": (b'{"image": ""}', "has the keys ['image']; expected"),
    "instances empty": (b'{"instances": []}', "instances is missing or empty"),
    "a key beside instances": (b'{"instances": [[0]], "data": 1}', "the request's key 'data' is not known"),
    "a format": (b'{"instances": [[0]], "format": "alibi"}', "the request's key 'format' is not known"),
    "the second is no picture": (b'{"instances": [{"data": [[0]]}, 3]}', "has the shape [1, 1]; expected [1, 6, 6]"),
    "no boundary in the body": (b"data=1", "the picture's format is not known"),
}


@pytest.mark.parametrize(("body", "sentence"), BODIES.values(), ids=BODIES)
def test_a_body_that_is_no_picture_is_refused(body, sentence, ask):
    with pytest.raises(BadInput) as refusal:
        ask(read, body)
    assert sentence in refusal.value.sentence


def test_broken_pictures_are_refused(ask, pixels, png, encode_picture):
    for bad, sentence in (
        (png[: len(png) // 2], "the picture is damaged; expected an intact one"),
        (png[:3], "the picture's format is not known"),
        (encode_picture(np.zeros((7, 5), np.uint8)), "the picture is 5x7; expected 6x6"),
        (encode_picture(pixels[0], "TIFF"), "the picture's format is not known"),
    ):
        for body, content_type in ((bad, "image/png"), form({"data": bad})):
            with pytest.raises(BadInput) as refusal:
                ask(read, body, content_type=content_type)
            assert sentence in refusal.value.sentence


@pytest.mark.parametrize(
    ("files", "fields", "sentence"),
    [
        ({"picture": b"x"}, None, "the form's parts are 'picture'; expected one named 'data'"),
        ({"data": b"x", "body": b"x"}, None, "the form's parts are 'data', 'body'; expected one"),
        ({"data": b"x", "n_steps": b"5"}, None, "the form's parts are 'data', 'n_steps'; expected one"),
        ({"target": b"7"}, None, "the form's parts are none; expected one named 'data'"),
        ({"data": b"x"}, None, "the picture's format is not known"),
        ({"data": b'{"data": [[0.5]], "target": 1}'}, None, "has the shape [1, 1]"),
        (
            {"data": json.dumps({"data": [[0.5] * 6] * 6, "target": 1})},
            {"target": "1"},
            "the form and its data both have a target",
        ),
        ({"data": json.dumps([[0.5] * 6] * 6)}, {"target": ""}, "target is the label ''"),
        ({"data": json.dumps([[0.5] * 6] * 6)}, {"target": "9" * 5000}, "target is the label '999"),
        ({"data": json.dumps([[0.5] * 6] * 6)}, {"target": "-1"}, "target is the label '-1'"),
        ({"data": json.dumps([[0.5] * 6] * 6)}, {"target": "3"}, "target is 3; expected an index of 0 to 2"),
    ],
)
def test_a_form_that_holds_no_picture_is_refused(files, fields, sentence, ask):
    body, content_type = form(files, fields)
    with pytest.raises(BadInput) as refusal:
        ask(read, body, content_type=content_type)
    assert sentence in refusal.value.sentence


def test_a_body_that_is_called_a_form_and_is_none_is_refused(ask):
    with pytest.raises(BadInput, match="is not a form with the boundary"):
        ask(read, b"hello", content_type="multipart/form-data; boundary=x")


def test_too_many_instances_are_too_large(ask, settings):
    few = dataclasses.replace(settings, limits=Limits(max_instances=1))
    with pytest.raises(TooLarge):
        ask(read, b'{"instances": [[0], [0]]}', few)


def test_httpxs_form_is_read_too(ask, png, integrated, predicted):
    request = httpx.Request("POST", "http://host", files={"data": png})
    answer = ask(read, request.read(), content_type=request.headers["Content-Type"])
    np.testing.assert_array_equal(values(answer), integrated(predicted[:1]))
