"""The predictor fails in every way that we know: the status that says so, in time, and never a wrong answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import numpy as np
import pytest
import requests
import torch
from captum.attr import DeepLift, IntegratedGradients, Saliency

from local.servers import free_port
from tests.support import faults, misbehaving_predictor
from tests.support.faults import refusal, with_value
from tests.support.faulty_pair import IMAGE, Pair, assert_failed, assert_right, in_process, start, until, until_alive
from tests.support.misbehaving_predictor import INPUT, NAME, Answer, Fault, Predictor


@pytest.fixture(scope="module")
def explainers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Pair, Pair]]:
    """One as it comes, and one that explains one request and lets one wait; their predictors are not there yet."""
    folder = tmp_path_factory.mktemp("faults")
    ports = free_port(), free_port()
    with ExitStack() as stack:
        usual = start(stack, folder, "usual", ports[0])
        small = start(stack, folder, "small", ports[1], "--concurrency", "1", "--max_waiting", "1")
        yield Pair(usual, Predictor(), ports[0]), Pair(small, Predictor(), ports[1])


@pytest.fixture(scope="module")
def pair(explainers: tuple[Pair, Pair]) -> Iterator[Pair]:
    pair = explainers[0]
    with misbehaving_predictor.serving(pair.predictor, pair.port):
        pair.explainer.wait_until_ready()
        yield pair


@pytest.fixture(scope="module")
def small(explainers: tuple[Pair, Pair]) -> Iterator[Pair]:
    pair = explainers[1]
    with misbehaving_predictor.serving(pair.predictor, pair.port):
        pair.explainer.wait_until_ready()
        yield pair


def without(*names: str) -> Callable[[Answer], None]:
    def remove(answer: Answer) -> None:
        for name in names:
            answer.document["parameters"].pop(name, None)
            assert answer.tensors is not None
            answer.tensors.pop(name, None)

    return remove


def rename_output(answer: Answer) -> None:
    assert answer.tensors is not None
    answer.tensors["other"] = answer.tensors.pop("logits")


def digests() -> Fault:
    """A new version with every answer."""
    count = iter(range(1000))

    def change(answer: Answer) -> None:
        answer.document["parameters"]["model_digest"] = f"{next(count):064x}"

    return faults.changed(change)


def test_an_explainer_is_not_ready_before_its_predictor_has_answered(explainers: tuple[Pair, Pair]) -> None:
    pair = explainers[1]
    until_alive(pair.explainer)
    assert requests.get(f"{pair.explainer.url}/v2/health/live", timeout=10).status_code == 200
    assert requests.get(f"{pair.explainer.url}/v2/health/ready", timeout=10).status_code == 503
    assert requests.get(f"{pair.explainer.url}/v1/models/{NAME}", timeout=10).status_code == 503
    assert_failed(pair.explain(), 503, "has not answered yet")
    with misbehaving_predictor.serving(pair.predictor, pair.port):
        pair.explainer.wait_until_ready()
        assert_right(pair.explain(method="saliency"))
    assert requests.get(f"{pair.explainer.url}/v2/health/ready", timeout=10).status_code == 200
    assert_failed(pair.explain(), 503, "cannot be reached")


def test_the_tests_predictor_is_right_as_long_as_it_behaves(pair: Pair) -> None:
    network, baseline = misbehaving_predictor.network(), torch.zeros(1, *INPUT)
    assert_right(pair.explain(method="saliency"))
    for method, reference in (("integrated_gradients", IntegratedGradients), ("deep_lift", DeepLift)):
        response = pair.explain(method=method)
        expected = in_process(reference(network).attribute, baselines=baseline)
        np.testing.assert_allclose(response.json()["explanations"], expected, rtol=1e-4, atol=1e-6)


FAILURES: dict[str, tuple[Fault, int, str]] = {
    "hangs": (faults.hang, 504, "took longer than 2 s"),
    "answers slowly": (faults.drip, 504, "took longer than 2 s"),
    "sends headers for ever": (faults.drip_head, 504, "took longer than 2 s"),
    "speaks no HTTP": (faults.speak_no_http, 502, "does not answer in HTTP"),
    "hangs up": (faults.hang_up, 503, "closed the connection"),
    "hangs up half-way": (faults.hang_up_half_way, 503, "closed the connection"),
    "resets": (faults.reset, 503, "closed the connection"),
    "sends too much": (faults.send_huge, 502, "over 134217728 bytes"),
    "answers with a page": (faults.body_of(b"<html>welcome</html>", "text/html"), 502, "is not JSON"),
    "answers with nothing": (faults.body_of(b""), 502, "is not JSON"),
    "answers with other JSON": (faults.body_of(b'{"hello": 1}'), 502, "'outputs' is missing"),
    "answers with half a message": (faults.body_of(b'{"outputs": [{"name": "logits"}]}'), 502, "datatype is"),
    "answers with wrong lengths": (
        faults.body_of(b'{"outputs": []}', **{"Inference-Header-Content-Length": "4000"}),
        502,
        "Inference-Header-Content-Length is '4000'",
    ),
    "redirects": (refusal(302, {}), 502, "status 302"),
    "fails": (refusal(500, {"error": "the device is lost"}), 502, "status 500: the device is lost"),
    "fails in another shape": (refusal(500, {"detail": ["x"]}), 502, "status 500"),
    "has no such path": (refusal(404, {"error": "no"}), 502, "status 404"),
    "is overloaded": (refusal(503, {"error": "busy"}), 503, "overloaded"),
    "has too many requests": (refusal(429, {"error": "slow down"}), 503, "slow down"),
    "is too late itself": (refusal(504, {"error": "its own deadline"}), 504, "its own deadline"),
    "wants credentials": (refusal(401, {"error": "a token is missing"}), 401, "a token is missing"),
    "forbids": (refusal(403, {"error": "not for you"}), 403, "not for you"),
    "refuses": (refusal(400, {"error": "pixels: too many"}), 400, "pixels: too many"),
    "finds it too large": (refusal(413, {"error": "at most one row"}), 413, "at most one row"),
    "answers with other shapes": (with_value(lambda value: value[:, :2]), 502, "expected float32 [1, 3]"),
    "answers with more rows": (with_value(lambda value: np.repeat(value, 2, 0)), 502, "is float32 [2, 3]; expected"),
    "answers in another dtype": (with_value(lambda value: value.astype(np.float64)), 502, "is float64 [1, 3]"),
    "answers with NaN": (with_value(lambda value: value * np.float32("nan")), 502, "holds NaN or infinity"),
    "answers with infinity": (with_value(lambda value: value + np.float32("inf")), 502, "holds NaN or infinity"),
    "names no version": (faults.changed(without("model_digest")), 502, "names no model_digest"),
    "gives no value": (faults.changed(rename_output), 502, "output 'logits' is none"),
    "is another one each time": (digests(), 503, "changed twice"),
}


@pytest.mark.parametrize(("fault", "status", "sentence"), FAILURES.values(), ids=FAILURES.keys())
def test_a_predictor_that(fault: Fault, status: int, sentence: str, pair: Pair) -> None:
    with pair.predictor.doing(always=fault):
        assert_failed(pair.explain(method="saliency"), status, sentence)
    assert_right(pair.explain(method="saliency"))


GRADIENT_FAILURES: dict[str, tuple[Fault, str]] = {
    "a gradient of another shape": (with_value(lambda value: value[:, 0], "gradient"), "output 'gradient' is float32"),
    "a gradient of NaN": (with_value(lambda value: value * np.float32("nan"), "gradient"), "'gradient' holds NaN"),
    "no gradient": (faults.changed(without("gradient")), "output 'gradient' is none"),
}


@pytest.mark.parametrize(("fault", "sentence"), GRADIENT_FAILURES.values(), ids=GRADIENT_FAILURES.keys())
def test_a_predictor_that_gives(fault: Fault, sentence: str, pair: Pair) -> None:
    with pair.predictor.doing(always=fault):
        assert_failed(pair.explain(method="saliency"), 502, sentence)
    assert_right(pair.explain(method="saliency"))


PASSING = {
    "reset": [faults.reset],
    "hung up": [faults.hang_up],
    "hung up half-way": [faults.hang_up_half_way],
    "hung up twice": [faults.hang_up, faults.reset],
    "was not ready twice": [refusal(503, {"error": "loading"})] * 2,
}


@pytest.mark.parametrize("once", PASSING.values(), ids=PASSING.keys())
def test_a_predictor_is_asked_again_that_only_once(once: list[Fault], pair: Pair) -> None:
    with pair.predictor.doing(*once):
        assert_right(pair.explain(method="saliency"))
        assert not pair.predictor.once


def explain_predicted(pair: Pair) -> np.ndarray:
    """Saliency in process, for the class that the predictor's network predicts."""
    image = torch.tensor(IMAGE)[None]
    target = int(pair.predictor.network(image).argmax())
    return Saliency(pair.predictor.network).attribute(image, target=target).numpy()


def test_a_kept_alive_connection_that_is_reset_in_its_second_call_costs_nothing(pair: Pair) -> None:
    with pair.predictor.doing(misbehaving_predictor.Handler.send, faults.reset, misbehaving_predictor.Handler.send):
        response = pair.explain(method="saliency", target=None)  # two calls: the class must be predicted first
        np.testing.assert_allclose(response.json()["explanations"], explain_predicted(pair), rtol=1e-5, atol=1e-6)
        assert len(pair.predictor.seen) == 3


@pytest.mark.parametrize("position", [0, 1])
def test_another_version_in_the_middle_starts_the_explanation_again(position: int, pair: Pair) -> None:
    """The second version is the whole answer's, and the first leaves nothing in it."""
    network = pair.predictor.network

    def roll_out(handler: misbehaving_predictor.Handler, answer: Answer) -> None:
        pair.predictor.digest = "b" * 64
        pair.predictor.network = misbehaving_predictor.network(seed=1)
        faults.hang_up(handler, answer)

    first = [misbehaving_predictor.Handler.send] * position
    try:
        with pair.predictor.doing(*first, roll_out):
            response = pair.explain(method="saliency", target=None)
            assert response.status_code == 200, response.text
            np.testing.assert_allclose(response.json()["explanations"], explain_predicted(pair), rtol=1e-5, atol=1e-6)
            assert response.json()["model"]["digest"] == "b" * 64
    finally:
        pair.predictor.network, pair.predictor.digest = network, misbehaving_predictor.DIGEST
    assert_right(pair.explain(method="saliency"))


def test_a_model_of_another_shape_is_noticed_by_the_first_request_that_fits_it(pair: Pair) -> None:
    """A request is wrong only for the model that the predictor has: the one that is remembered may be gone."""
    assert_right(pair.explain(method="saliency"))
    pair.predictor.digest, pair.predictor.input_shape = "c" * 64, (36,)
    try:
        with pair.predictor.doing():
            time.sleep(1.1)
            refused = pair.explain(method="saliency")
            assert_failed(refused, 400, "expected [36], the model's input")
    finally:
        pair.predictor.digest, pair.predictor.input_shape = misbehaving_predictor.DIGEST, INPUT
    time.sleep(1.1)
    assert_right(pair.explain(method="saliency"))


def test_the_clients_credentials_and_traces_go_on_and_nothing_else(pair: Pair) -> None:
    passed = {"authorization": "Bearer t", "traceparent": "00-a-b-01", "tracestate": "c=d", "x-request-id": "e"}
    kept = {"cookie": "session=f", "x-marker": "g", "x-forwarded-for": "h", "user-agent": "i"}
    with pair.predictor.doing():
        assert_right(pair.explain(method="saliency", headers={**passed, **kept}))
        seen = [headers for _, headers in pair.predictor.seen]
    assert seen
    for headers in seen:
        assert {name: headers.get(name) for name in passed} == passed
        assert not [name for name, value in kept.items() if headers.get(name) == value]


def test_a_flood_is_refused_and_what_waits_too_long_is_told_so(small: Pair) -> None:
    with small.predictor.doing(always=faults.hang), ThreadPoolExecutor(2) as threads:
        asked = [threads.submit(small.explain, method="saliency") for _ in range(2)]
        until(lambda: len(small.predictor.seen) == 1)
        time.sleep(0.3)
        begun = time.monotonic()
        assert_failed(small.explain(method="saliency"), 503, "2 requests are under way or waiting")
        assert time.monotonic() - begun < 1.0
        for future in asked:
            assert_failed(future.result(), 504, "took longer than 2 s")
    until(lambda: small.explain(method="saliency").status_code == 200)
    assert_right(small.explain(method="saliency"))


@pytest.mark.parametrize(
    "fault",
    [faults.hang, faults.drip, faults.send_huge],
    ids=["hangs", "answers slowly", "sends too much"],
)
def test_a_call_that_does_not_end_holds_no_thread_beyond_the_deadline(fault: Fault, small: Pair) -> None:
    """There is one thread: while the predictor still holds the first call, the next request is served."""
    with small.predictor.doing(fault):
        assert small.explain(method="saliency").status_code in (502, 504)
        until(lambda: small.explain(method="saliency").status_code == 200)
        assert not small.predictor.released.is_set()


@pytest.mark.parametrize("fault", [faults.hang_up, faults.speak_no_http, refusal(500, {}), refusal(400, {})])
def test_failures_leave_no_thread_and_no_place_behind(fault: Fault, small: Pair) -> None:
    """One request at once and one that waits: a place that is not given back is missed at the third."""
    for _ in range(4):
        with small.predictor.doing(fault):
            small.explain(method="saliency")
    assert_right(small.explain(method="saliency"))
