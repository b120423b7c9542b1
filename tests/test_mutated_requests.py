"""Requests that are nearly right, by the hundred: no failure of a server, no hang, and the next good one is served."""

from __future__ import annotations

import base64
import copy
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
import requests
from captum_serving.protocol.wire import HEADER_LENGTH, encode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.servers import ROOT, Pair

pytestmark = pytest.mark.parametrize("pair", ["mnist"], indirect=True)

TIMEOUT = 20
PICTURE = (ROOT / "models" / "fashion-mnist" / "examples" / "0.png").read_bytes()
GREY = np.linspace(0, 1, 784, dtype=np.float32).reshape(28, 28)
COTANGENT = np.eye(10, dtype=np.float32)[[3]]
EXPLAIN, PREDICT, INFER = "/v1/models/mnist:explain", "/v1/models/mnist:predict", "/v2/models/mnist/infer"
EXPLANATIONS, V2_EXPLAIN = "/explanations/mnist", "/v2/models/mnist/explain"
bounded = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@dataclass(frozen=True)
class Request:
    """To the explainer or the predictor: a JSON document with bytes after it, or bytes alone."""

    server: str
    path: str
    document: Any
    payload: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        return (b"" if self.document is None else json.dumps(self.document).encode()) + self.payload

    @property
    def all_headers(self) -> dict[str, str]:
        if HEADER_LENGTH in self.headers or not self.payload or self.document is None:
            return self.headers
        return {**self.headers, HEADER_LENGTH: str(len(self.body) - len(self.payload))}


def explanation(**parameters: Any) -> Request:
    return Request("explainer", EXPLAIN, {"instances": [GREY.tolist()], "parameters": parameters})


def inference(binary: bool, **tensors: np.ndarray) -> Request:
    document = {"id": "a", "parameters": {"sink": "logits", "explanation": True, "binary_data_output": binary}}
    body, length = encode(document, tensors, "inputs", binary=binary)
    return Request("predictor", INFER, json.loads(body[:length]), b"" if length is None else body[length:])


def over_v2(binary: bool) -> Request:
    document = {"id": "a", "parameters": {"n_steps": 2, "target": "[3]", "binary_data_output": binary}}
    body, length = encode(document, {"image": IMAGE}, "inputs", binary=binary)
    return Request("explainer", V2_EXPLAIN, json.loads(body[:length]), b"" if length is None else body[length:])


def byte_strings(data: object, **parameters: int) -> dict[str, Any]:
    return {"inputs": [{"name": "x", "datatype": "BYTES", "shape": [1], "data": data, "parameters": parameters}]}


IMAGE = GREY.reshape(1, 1, 28, 28)
TEXT = base64.b64encode(PICTURE).decode()
FORM = (
    b'--x\r\nContent-Disposition: form-data; name="target"\r\n\r\n3\r\n'
    b'--x\r\nContent-Disposition: form-data; name="data"; filename="0.png"\r\n\r\n' + PICTURE + b"\r\n--x--\r\n"
)
LENGTH = len(PICTURE).to_bytes(4, "little")
PREDICTION = {"instances": [GREY[None].tolist()]}
DRAWN = {
    "type": "png",
    "look": "heat_map",
    "sign": "all",
    "outlier_perc": 2,
    "cmap": "RdBu_r",
    "titles": True,
    "scale": 1,
}
GOOD = [
    explanation(n_steps=3),
    explanation(method="integrated_gradients", n_steps=2, baselines="blur", target=[3], quadrature="riemann_left"),
    explanation(method="gradient_shap", n_samples=2, baselines=0.5, stdevs=0.1, seed=7),
    explanation(method="deep_lift", baselines=GREY.tolist(), target="7", tolerance=0.1),
    explanation(method="guided_grad_cam", layer="conv2", interpolate_mode="bilinear", output="probability"),
    explanation(method="layer_grad_cam", layer="pool1", upsample=True, attr_dim_summation=False, top_k=2),
    explanation(method="layer_integrated_gradients", layer="relu3", n_steps=2, internal_batch_size=1),
    explanation(method="neuron_gradient_shap", layer="conv1", neuron=[3, 4, 5], n_samples=2),
    explanation(method="occlusion", sliding_window_shapes=[1, 14, 14], strides=14, perturbations_per_eval=4),
    explanation(method="kernel_shap", n_samples=10, segmentation="grid", n_segments=9),
    Request(
        "explainer",
        EXPLAIN,
        {"instances": [{"b64": base64.b64encode(PICTURE).decode()}], "num_samples": "20", "top_labels": "2"},
    ),
    Request("explainer", EXPLAIN, {"instances": [GREY.tolist()], "parameters": {"n_steps": 2}, "render": DRAWN}),
    explanation(
        method="saliency", smooth={"nt_samples": 3, "stdevs": 0.1}, metrics=["infidelity"], n_perturb_samples=2
    ),
    explanation(method="layer_feature_ablation", layer="conv2", layer_mask="channels", layer_baselines=0.5),
    Request("explainer", EXPLAIN, None, PICTURE),
    Request("explainer", EXPLAIN, {"instances": [{"data": TEXT, "target": 3}, GREY.tolist()]}),
    Request("explainer", EXPLAIN, {"format": "alibi", "instances": [GREY.tolist()], "parameters": {"n_steps": 2}}),
    Request("explainer", EXPLANATIONS, None, PICTURE),
    Request("explainer", EXPLANATIONS, None, FORM, {"content-type": "multipart/form-data; boundary=x"}),
    Request("explainer", EXPLANATIONS, {"data": TEXT, "target": 3}),
    over_v2(False),
    over_v2(True),
    Request("explainer", V2_EXPLAIN, byte_strings([TEXT])),
    Request("explainer", V2_EXPLAIN, byte_strings(None, binary_data_size=4 + len(PICTURE)), LENGTH + PICTURE),
    Request("explainer", PREDICT, PREDICTION),
    Request("predictor", PREDICT, PREDICTION),
    inference(False, image=IMAGE),
    inference(False, image=IMAGE, cotangent=COTANGENT),
    inference(True, image=IMAGE),
    inference(True, image=IMAGE, cotangent=COTANGENT),
]

SHARED = ("baselines", "target", "top_k", "seed", "output")
NUMBERS = (-1, 0, 1, 2, 3, 10, 1025, 2**31, 2**53, 2**63, 2**64, 2**70, -(2**63), -0.5, 0.5, 1.0, 1e39, 1e300, 5e-324)
WORDS = (
    "",
    "0",
    "é",
    "\0",
    "zeros",
    "random",
    "conv1",
    "logits",
    "FP32",
    "BYTES",
    "image",
    "pixels",
    "ones",
    "a" * 300,
)
junk = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(NUMBERS),
    st.sampled_from(WORDS),
    st.sampled_from(([], {}, [[]], [{}], [None], [1, [2]], {"b64": "AAAA"}, {"name": "image"}, [[[[0.5]]]])),
    st.text(max_size=4),
).map(copy.deepcopy)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of everything in a JSON document, of a list's items the first two and the last."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    last = len(value) - 1 if isinstance(value, list) else 0
    for key, item in items:
        if isinstance(value, dict) or key in (0, 1, last):
            yield from places(item, (*path, key))


@st.composite
def mutated_documents(draw: st.DrawFn) -> Request:
    request = draw(st.sampled_from([good for good in GOOD if good.document is not None]))
    document = copy.deepcopy(request.document)
    for _ in range(draw(st.integers(1, 2))):
        # From the top, so that the few parameters come as often as the many pixels.
        top = draw(st.sampled_from(sorted(document) or ["instances"]))
        depth = draw(st.sampled_from([1, 2, 2, 3, 4, 5]))
        paths = [place for place in places(document.get(top), (top,)) if len(place) == depth]
        if not document or not paths:
            continue
        *parents, key = draw(st.sampled_from(paths))
        inside = document
        for parent in parents:
            inside = inside[parent]
        operation = draw(st.sampled_from(["replace", "replace", "remove", "rename", "wrap", "repeat"]))
        if operation == "replace":
            inside[key] = draw(junk)
        elif operation == "remove":
            del inside[key]
        elif operation == "wrap":
            inside[key] = [inside[key]]
        elif isinstance(inside, list):
            inside.insert(key, copy.deepcopy(inside[key]))
        elif operation == "rename":
            inside[draw(st.sampled_from(["x", key[:-1], key.upper(), "parameters", "inputs"]))] = inside.pop(key)
        else:
            inside[key] = [inside[key]] * draw(st.sampled_from([2, 17]))
    return replace(request, document=document)


@st.composite
def mutated_parameters(draw: st.DrawFn) -> Request:
    request = draw(st.sampled_from([good for good in GOOD if good.document and "parameters" in good.document]))
    own = request.document["parameters"]
    changed = draw(st.dictionaries(st.sampled_from([*own, *SHARED]), junk, min_size=1, max_size=2))
    document = {**request.document, "parameters": {**own, **changed}}
    return replace(request, document=document)


@st.composite
def mutated_bytes(draw: st.DrawFn) -> Request:
    request = draw(st.sampled_from(GOOD))
    headers, body = request.all_headers, bytearray(request.body)
    for _ in range(draw(st.integers(1, 3))):
        # A JSON header and a picture's are short: half of the mutations are there.
        place = min(draw(st.one_of(st.integers(0, 200), st.integers(0, len(body)))), len(body))
        stop = place + draw(st.sampled_from([0, 1, 8, len(body)]))
        body[place:stop] = draw(
            st.one_of(st.binary(max_size=8), st.sampled_from([b"NaN", b"[" * 2000, b"1e400", b"\\u"]))
        )
    return Request(request.server, request.path, None, bytes(body), headers)


header_values = st.one_of(
    st.integers(-2, 7000).map(str),
    st.sampled_from(
        ["", "1e3", "+5", "0x10", "\u00b2", "9" * 5000, "gzip", "chunked", "text/plain", "x" * 5000, "true"]
    ),
    st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=10).map(str.strip),
)
HEADERS = (
    *[HEADER_LENGTH] * 4,
    "content-type",
    "content-encoding",
    "accept",
    "accept-encoding",
    "authorization",
    "x-request-id",
    "traceparent",
    "ce-specversion",
    "ce-id",
    "range",
    "if-none-match",
    "cookie",
)


@st.composite
def mutated_headers(draw: st.DrawFn) -> Request:
    request = draw(st.sampled_from(GOOD))
    changed = draw(st.dictionaries(st.sampled_from(HEADERS), header_values, min_size=1, max_size=3))
    return replace(request, headers={**request.all_headers, **changed})


@st.composite
def mutated_paths(draw: st.DrawFn) -> tuple[str, Request]:
    request = draw(st.sampled_from(GOOD))
    place = draw(st.integers(1, len(request.path)))
    insert = draw(
        st.sampled_from(["", "/", ":", "%00", "%ff", "%2e%2e/", "//", "x", "?a=b", "versions/1/", ":explain"])
    )
    path = request.path[:place] + insert + request.path[place + draw(st.sampled_from([0, 1, 7])) :]
    verb = draw(st.sampled_from(["POST", "POST", "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"]))
    return verb, replace(request, path=path)


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as client:
        yield client


def send(pair: Pair, session: requests.Session, request: Request, verb: str = "POST") -> requests.Response:
    url = getattr(pair, request.server).url + request.path
    headers: Any = {name: value.encode("latin-1") for name, value in request.all_headers.items()}
    return session.request(verb, url, data=request.body, headers=headers, timeout=TIMEOUT, allow_redirects=False)


def check(pair: Pair, session: requests.Session, request: Request, verb: str = "POST") -> None:
    """No failure of the server's, an error as errors are, and after it the right answer to a good request."""
    response = send(pair, session, request, verb)
    assert response.status_code < 500, (request.path, response.text)
    if response.status_code >= 400 and verb != "HEAD":
        assert list(response.json()) == ["error"], (request.path, response.text)
        assert isinstance(response.json()["error"], str)
    check_alive(pair, session)


def check_alive(pair: Pair, session: requests.Session) -> None:
    for request, right in right_answers(pair, session):
        assert send(pair, session, request).content == right


_right: dict[str, list[tuple[Request, bytes]]] = {}


def right_answers(pair: Pair, session: requests.Session) -> list[tuple[Request, bytes]]:
    """A prediction by way of the explainer and an explanation, and the answers that they had before all mutations."""
    if pair.explain_url not in _right:
        probes = [Request("explainer", PREDICT, PREDICTION), explanation(method="saliency")]
        _right[pair.explain_url] = [(probe, send(pair, session, probe).content) for probe in probes]
    return _right[pair.explain_url]


@pytest.mark.parametrize("request_", GOOD)
def test_the_requests_are_good_before_they_are_mutated(
    request_: Request, pair: Pair, session: requests.Session
) -> None:
    response = send(pair, session, request_)
    assert response.status_code == 200, response.text
    right_answers(pair, session)


@settings(bounded, max_examples=150)
@given(request_=st.one_of(mutated_documents(), mutated_parameters()))
def test_mutated_json(request_: Request, pair: Pair, session: requests.Session) -> None:
    check(pair, session, request_)


@settings(bounded, max_examples=150)
@given(request_=mutated_bytes())
def test_mutated_bytes(request_: Request, pair: Pair, session: requests.Session) -> None:
    check(pair, session, request_)


@settings(bounded, max_examples=100)
@given(request_=mutated_headers())
def test_mutated_headers(request_: Request, pair: Pair, session: requests.Session) -> None:
    check(pair, session, request_)


@settings(bounded, max_examples=100)
@given(changed=mutated_paths())
def test_mutated_paths_and_verbs(changed: tuple[str, Request], pair: Pair, session: requests.Session) -> None:
    verb, request = changed
    check(pair, session, request, verb)


@pytest.mark.parametrize("server", ["explainer", "predictor"])
@pytest.mark.parametrize("sent", [0, 1, 40, 120, 300, 2000])
def test_a_client_that_hangs_up_leaves_no_trace(sent: int, server: str, pair: Pair, session: requests.Session) -> None:
    request = explanation() if server == "explainer" else inference(True, image=IMAGE, cotangent=COTANGENT)
    lines = [f"POST {request.path} HTTP/1.1", "Host: x", f"Content-Length: {len(request.body)}"]
    lines += [f"{name}: {value}" for name, value in request.all_headers.items()]
    raw = "\r\n".join(lines).encode() + b"\r\n\r\n" + request.body
    address = urlsplit(getattr(pair, server).url)
    with socket.create_connection((address.hostname, address.port), timeout=TIMEOUT) as connection:
        connection.sendall(raw[:sent])
    check_alive(pair, session)
