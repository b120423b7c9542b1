"""The predictor speaks V1 alone, and fails: what an explanation and a prediction that is passed on say of it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import requests
import torch
from captum.attr import KernelShap

from tests.support import faults
from tests.support.faults import body_of, changed, refusal
from tests.support.faulty_pair import IMAGE, TARGET, Pair, assert_failed, faulty_pair
from tests.support.misbehaving_predictor import NAME, Answer, Fault, Handler, Predictor, network

NETWORK = network()
FEW = {"method": "kernel_shap", "segmentation": "grid", "n_segments": 4, "n_samples": 20}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with faulty_pair(tmp_path_factory.mktemp("scores"), Predictor(v1=True)) as pair:
        # The first KernelSHAP imports scikit-learn, which may take longer than this explainer's deadline of 2 s.
        statuses = (pair.explain(**FEW).status_code for _ in range(20))
        assert 200 in statuses
        yield pair


def predict(pair: Pair, **headers: str) -> requests.Response:
    url = f"{pair.explainer.url}/v1/models/{NAME}:predict"
    return requests.post(url, json={"instances": [IMAGE.tolist()]}, headers=headers, timeout=30)


def scores(rows: torch.Tensor) -> torch.Tensor:
    return torch.softmax(NETWORK(rows), dim=1)


def assert_right(pair: Pair) -> None:
    """An explanation is Captum's of the same scores in this process, and a prediction is the scores."""
    response = pair.explain(**FEW)
    assert response.status_code == 200, response.text
    mask = torch.tensor(np.kron(np.arange(4).reshape(2, 2), np.ones((3, 3), dtype=int)))
    torch.manual_seed(0)
    expected = KernelShap(scores).attribute(
        torch.tensor(IMAGE)[None], feature_mask=mask, target=TARGET, n_samples=FEW["n_samples"]
    )
    np.testing.assert_allclose(response.json()["explanations"], expected, rtol=1e-4, atol=1e-5)
    predictions = predict(pair).json()["predictions"]
    np.testing.assert_allclose(predictions, scores(torch.tensor(IMAGE)[None]), rtol=1e-5)


def predictions(values: Any) -> Fault:
    """Answer with these predictions."""
    return changed(lambda answer: answer.document.update(predictions=values))


def twice(answer: Answer) -> None:
    answer.document["predictions"] *= 2


def without_a_class(answer: Answer) -> None:
    answer.document["predictions"] = [row[:2] for row in answer.document["predictions"]]


NOT_V1 = "is not V1's"
# What is no answer to us is passed on where a prediction is all that was asked for.
FAILURES: dict[str, tuple[Fault, int, str, int]] = {
    "hangs": (faults.hang, 504, "took longer than 2 s", 504),
    "answers slowly": (faults.drip, 504, "took longer than 2 s", 504),
    "hangs up": (faults.hang_up, 503, "closed the connection", 503),
    "hangs up half-way": (faults.hang_up_half_way, 503, "closed the connection", 503),
    "resets": (faults.reset, 503, "closed the connection", 503),
    "speaks no HTTP": (faults.speak_no_http, 502, "does not answer in HTTP", 502),
    "fails": (refusal(500, {"error": "out of memory"}), 502, "status 500: out of memory", 500),
    "is overloaded": (refusal(503, {"error": "busy"}), 503, "overloaded", 503),
    "refuses": (refusal(400, {"error": "pixels: too many"}), 400, "pixels: too many", 400),
    "answers with a page": (body_of(b"<html>welcome</html>", "text/html"), 502, NOT_V1, 200),
    "answers with nothing": (body_of(b""), 502, NOT_V1, 200),
    "answers with a list": (body_of(b"[1, 2]"), 502, NOT_V1, 200),
    "answers with NaN": (predictions([[float("nan")] * 3] * 2), 502, NOT_V1, 200),
    "answers with null": (predictions([[None] * 3] * 2), 502, "something that is not a number", 200),
    "answers with a number too large": (predictions([[1e300] * 3] * 2), 502, "NaN or infinity", 200),
    "answers with ragged rows": (predictions([[0.5, 0.5], [1.0]]), 502, "rows of different length", 200),
    "answers with more rows": (changed(twice), 502, "has the shape [4, 3]; expected scores [2, outputs]", 200),
    "answers with no rows": (predictions([]), 502, "expected scores [2, outputs]", 200),
    "answers with no outputs": (predictions([[], []]), 502, "has the shape [2, 0]; expected scores [2, outputs]", 200),
    "answers with one number": (predictions(0.5), 502, "expected scores [2, outputs]", 200),
}


@pytest.mark.parametrize(("fault", "status", "sentence", "passed_on"), FAILURES.values(), ids=FAILURES.keys())
def test_a_predictor_that(fault: Fault, status: int, sentence: str, passed_on: int, pair: Pair) -> None:
    with pair.predictor.doing(always=fault), ThreadPoolExecutor(1) as thread:
        asked = thread.submit(predict, pair)
        assert_failed(pair.explain(**FEW), status, sentence)
        prediction = asked.result()
        assert prediction.status_code == passed_on
        if passed_on >= 502:
            assert_failed(prediction, status, sentence)
    assert_right(pair)


@pytest.mark.parametrize(
    ("fault", "status", "sentence"),
    [
        (faults.hang, 504, "took longer than 2 s"),
        (faults.speak_no_http, 502, "does not answer in HTTP"),
        (refusal(500, {}), 502, "status 500"),
        (changed(twice), 502, "has the shape [40, 3]; expected scores [20, 3]"),
        (changed(without_a_class), 502, "has the shape [20, 2]; expected scores [20, 3]"),
    ],
    ids=["hangs", "speaks no HTTP", "fails", "more rows", "fewer outputs"],
)
def test_a_predictor_that_fails_in_the_middle(fault: Fault, status: int, sentence: str, pair: Pair) -> None:
    with pair.predictor.doing(Handler.send, fault):
        assert_failed(pair.explain(**FEW), status, sentence)
        assert not pair.predictor.once
    assert_right(pair)


@pytest.mark.parametrize("fault", [faults.hang_up, faults.hang_up_half_way, faults.reset])
def test_a_predictor_is_asked_again_that_hangs_up_once(fault: Fault, pair: Pair) -> None:
    with pair.predictor.doing(Handler.send, fault):
        assert_right(pair)
        assert not pair.predictor.once


def test_a_predictions_content_type_goes_on(pair: Pair) -> None:
    with pair.predictor.doing():
        predict(pair, **{"Content-Type": "application/json; charset=utf-8", "Cookie": "a=b"})
        ((path, headers),) = pair.predictor.seen
    assert path.endswith(":predict")
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert "cookie" not in headers
