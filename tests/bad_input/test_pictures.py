"""A picture that is broken, of another size or of another format, by every way in."""

from __future__ import annotations

import base64
import json

import pytest
import requests

from local.servers import Pair
from tests.bad_input.bodies import b64, instances
from tests.bad_input.pictures import BOMB, WHOLE, encoded, noise
from tests.bad_input.refusals import (
    OF_ONE_WORKER_AND_OF_TWO,
    TIMEOUT,
    Case,
    assert_no_echo,
    assert_refused,
    assert_told,
)

pytestmark = OF_ONE_WORKER_AND_OF_TWO

PICTURES = {
    "a picture of another size": (encoded(noise(32, 30)), 400, "is 32x30; expected 28x28"),
    "half a picture": (WHOLE[: len(WHOLE) // 2], 400, "picture is damaged"),
    "a picture's first bytes": (b"\x89PNG junk", 400, "format is not known; expected one of PNG, JPEG"),
    "half a JPEG": (encoded(noise(28, 28), "JPEG")[:300], 400, "picture"),
    "a bomb": (BOMB, 400, "much too large"),
    "a TIFF": (encoded(noise(28, 28), "TIFF"), 400, "is not JSON"),
    "b64 of another size": (b64(encoded(noise(10, 10))), 400, "is 10x10; expected 28x28"),
    "b64 of half a picture": (b64(WHOLE[: len(WHOLE) // 2]), 400, "picture is damaged"),
    "b64 of a bomb": (b64(BOMB), 400, "much too large"),
    "b64 of text": (b64(b"hello"), 400, "format is not known"),
    "b64 of a TIFF": (b64(encoded(noise(28, 28), "TIFF")), 400, "format is not known"),
    "b64 of nothing": (b64(b""), 400, "format is not known"),
    "b64 with other characters": (instances({"b64": "!!!!"}), 400, "b64 is not base64"),
    "b64 with other letters": (instances({"b64": "ééé"}), 400, "b64 is not base64"),
    "b64 a number": (instances({"b64": 3}), 400, "b64 is not a string"),
    "b64 and more": (instances({"b64": "", "name": "x"}), 400, "has the keys ['b64', 'name']"),
    "another key than b64": (instances({"base64": ""}), 400, "has the keys ['base64']"),
}

BAD_PICTURES = {
    "half a picture": (WHOLE[: len(WHOLE) // 2], "picture is damaged"),
    "a picture's first bytes": (b"\x89PNG junk", "format is not known"),
    "another size": (encoded(noise(32, 30)), "is 32x30; expected 28x28"),
    "a bomb": (BOMB, "much too large"),
    "text": (b"hello", "format is not known"),
    "a TIFF": (encoded(noise(28, 28), "TIFF"), "format is not known"),
    "nothing": (b"", "format is not known"),
}


def multipart(data: bytes, name: str = "data") -> bytes:
    return b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n--x--\r\n' % (name.encode(), data)


def byte_strings(*data: bytes) -> bytes:
    texts = [base64.b64encode(one).decode() for one in data]
    entry = {"name": "pictures", "datatype": "BYTES", "shape": [len(data)], "data": texts}
    return json.dumps({"inputs": [entry]}).encode()


# Each bad picture by each of the peers' ways: (verb, path, body, Content-Type).
def ways(picture: bytes) -> list[tuple[str, str, bytes, str]]:
    text = base64.b64encode(picture).decode()
    form = "multipart/form-data; boundary=x"
    return [
        ("POST", "/explanations/mnist", picture, ""),
        ("PUT", "/explanations/mnist/1.0", picture, "image/png"),
        ("POST", "/explanations/mnist", multipart(picture), form),
        ("PUT", "/explanations/mnist", json.dumps({"data": text}).encode(), "application/json"),
        ("POST", "/v1/models/mnist:explain", json.dumps({"instances": [{"data": text, "target": 7}]}).encode(), ""),
        (
            "POST",
            "/v1/models/mnist:explain",
            json.dumps({"format": "alibi", "instances": [{"data": text}]}).encode(),
            "",
        ),
        ("POST", "/v2/models/mnist/explain", byte_strings(picture), "application/json"),
    ]


@pytest.mark.parametrize("case", PICTURES.values(), ids=PICTURES.keys())
def test_a_mistake_in_a_picture_is_told(case: Case, pair: Pair, session: requests.Session) -> None:
    assert_told(case, pair, session)


@pytest.mark.parametrize("case", BAD_PICTURES.values(), ids=BAD_PICTURES.keys())
def test_a_bad_picture_is_told_by_every_way_in(case: tuple[bytes, str], pair: Pair, session: requests.Session) -> None:
    picture, sentence = case
    for verb, path, body, content_type in ways(picture):
        response = session.request(
            verb, pair.explainer.url + path, data=body, headers={"Content-Type": content_type}, timeout=TIMEOUT
        )
        assert_refused(response, 400, sentence)


def test_the_answers_of_all_ways_echo_nothing(pair: Pair, session: requests.Session) -> None:
    for verb, path, body, content_type in ways(WHOLE):
        response = session.request(
            verb, pair.explainer.url + path, data=body, headers={"Content-Type": content_type}, timeout=TIMEOUT
        )
        assert response.status_code == 200, response.text
        assert_no_echo(response)
