"""A body that is no request, by its JSON, keys, size or compression; and headers, which change nothing."""

from __future__ import annotations

import gzip

import pytest
import requests

from local.servers import Pair
from tests.bad_input.bodies import GREY, document, instances, parameters
from tests.bad_input.refusals import (
    MARKER,
    OF_ONE_WORKER_AND_OF_TWO,
    TIMEOUT,
    Case,
    assert_good,
    assert_no_echo,
    assert_refused,
    assert_told,
)

pytestmark = OF_ONE_WORKER_AND_OF_TWO

BODY_LIMIT = 64 * 2**20

BODIES = {
    "nothing": (b"", 400, "is not JSON"),
    "spaces": (b"   ", 400, "is not JSON"),
    "cut off": (b'{"instances": [[', 400, "is not JSON"),
    "not UTF-8": (b'{"instances": "\xff\xfe"}', 400, "is not JSON"),
    "NaN": (b'{"instances": [[NaN]]}', 400, "is not JSON"),
    "Infinity": (b'{"instances": [[-Infinity]]}', 400, "is not JSON"),
    "a number over every float": (b'{"instances": [[1e999]]}', 400, "is not JSON"),
    "null": (b"null", 400, "not a JSON object"),
    "a list": (b"[1, 2]", 400, "not a JSON object"),
    "a string": (b'"picture"', 400, "not a JSON object"),
    "lists a thousand deep": (b"[" * 1000 + b"]" * 1000, 400, "not a JSON object"),
    "lists too deep to be read": (b"[" * 100_000, 400, "is not JSON"),
    "an instance a thousand deep": (
        b'{"instances": [' + b"[" * 1000 + b"]" * 1000 + b"]}",
        400,
        "instances[0]: rows of different length or depth",
    ),
    "an unknown key": (document(parameter={}), 400, "'parameter' is not known; did you mean 'parameters'?"),
    "a key of V2": (document(inputs=[]), 400, "'inputs' is not known"),
    "no instances": (b'{"parameters": {}}', 400, "instances is missing or empty"),
    "instances empty": (instances(), 400, "instances is missing or empty"),
    "instances a number": (b'{"instances": 1}', 400, "instances is missing or empty"),
    "instances an object": (b'{"instances": {"b64": ""}}', 400, "instances is missing or empty"),
    "too many instances": (instances(*[[0.0]] * 1025), 413, "at most 1024 (the server's limit, --max_instances)"),
    "parameters a list": (document(parameters=[]), 400, "parameters is not an object"),
    "a render of another type": (document(render="svg"), 400, "render.type: 'svg' is not known; Known: png"),
    "a render that is a list": (document(render=[]), 400, 'render is []; expected "png" or {"type": "png"'),
    "parameters null": (document(parameters=None), 400, "parameters is not an object"),
}


@pytest.mark.parametrize("case", BODIES.values(), ids=BODIES.keys())
def test_a_mistake_in_the_body_is_told(case: Case, pair: Pair, session: requests.Session) -> None:
    assert_told(case, pair, session)


@pytest.mark.parametrize("operation", ["explain", "predict"])
def test_a_compressed_body_is_refused(operation: str, pair: Pair, session: requests.Session) -> None:
    url = f"{pair.explainer.url}/v1/models/mnist:{operation}"
    response = session.post(
        url, gzip.compress(instances([GREY])), headers={"Content-Encoding": "gzip"}, timeout=TIMEOUT
    )
    assert_refused(response, 400, "Content-Encoding is 'gzip'; expected none: send the body uncompressed")


@pytest.mark.parametrize("operation", ["explain", "predict"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_refused_and_the_next_is_served(
    operation: str, chunked: bool, pair: Pair, session: requests.Session
) -> None:
    part = b" " * 2**20
    count = BODY_LIMIT // len(part) + 1
    body = iter([part] * count) if chunked else part * count
    response = session.post(f"{pair.explainer.url}/v1/models/mnist:{operation}", data=body, timeout=TIMEOUT)
    assert_refused(response, 413, f"expected at most {BODY_LIMIT}")
    assert_good(pair, session)


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "nonsense",
        "application/octet-stream",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "application/cloudevents+json",
        "image/png",
    ],
)
@pytest.mark.parametrize("operation", ["explain", "predict"])
def test_json_is_read_whatever_its_content_type_says(
    operation: str, content_type: str | None, pair: Pair, session: requests.Session
) -> None:
    body = parameters() if operation == "explain" else instances([GREY])
    url = f"{pair.explainer.url}/v1/models/mnist:{operation}"
    response = session.post(url, data=body, headers={"Content-Type": content_type}, timeout=TIMEOUT)
    assert response.status_code == 200, response.text
    assert_no_echo(response)


def test_the_headers_of_a_cloud_event_are_not_echoed(pair: Pair, session: requests.Session) -> None:
    headers = {"ce-specversion": "1.0", "ce-id": MARKER, "ce-source": MARKER, "ce-type": MARKER}
    response = session.post(pair.explain_url, data=parameters(), headers=headers, timeout=TIMEOUT)
    assert response.status_code == 200, response.text
    assert_no_echo(response)
    assert not [name for name in response.headers if name.lower().startswith("ce-")]
