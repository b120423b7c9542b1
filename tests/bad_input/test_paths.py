"""A path, a verb or a model that the explainer does not have, and a prediction that the predictor refuses."""

from __future__ import annotations

import pytest
import requests

from local.servers import Pair
from tests.bad_input.bodies import GREY, instances, parameters
from tests.bad_input.refusals import OF_ONE_WORKER_AND_OF_TWO, TIMEOUT, assert_refused

pytestmark = OF_ONE_WORKER_AND_OF_TWO

PATHS = {
    "explain by PUT": ("PUT", "/v1/models/mnist:explain", 405, "PUT is not possible"),
    "explain by DELETE": ("DELETE", "/v1/models/mnist:explain", 405, "DELETE is not possible"),
    "predict by GET": ("GET", "/v1/models/mnist:predict", 405, "GET is not possible"),
    "methods by POST": ("POST", "/v1/models/mnist/methods", 405, "POST is not possible"),
    "another verb of V1": ("POST", "/v1/models/mnist:train", 405, "POST is not possible"),
    "another path": ("GET", "/explanations", 404, "the explainer has nothing at /explanations; GET /v1/models lists"),
    "TorchServe's path by GET": ("GET", "/explanations/mnist", 405, "GET is not possible at /explanations/mnist"),
    "another model of TorchServe's": ("PUT", "/explanations/cifar", 404, "'cifar'; this server explains 'mnist'"),
    "another version": (
        "PUT",
        "/explanations/mnist/2.0",
        404,
        "there is no version '2.0' of the model; this server explains '1.0' (its --model_version)",
    ),
    "V2's explanation by GET": ("GET", "/v2/models/mnist/explain", 405, "GET is not possible"),
    "V2's explanation of another": ("POST", "/v2/models/cifar/explain", 404, "'cifar'; this server explains 'mnist'"),
    "a slash too many": ("POST", "/v1/models/mnist:explain/", 404, "the explainer has nothing at"),
    "kserve's schema": ("GET", "/openapi.json", 404, "the explainer has nothing at /openapi.json"),
    "kserve's pages": ("GET", "/docs", 404, "the explainer has nothing at /docs"),
    "another model": ("POST", "/v1/models/cifar:explain", 404, "'cifar'; this server explains 'mnist'"),
    "another model's prediction": ("POST", "/v1/models/cifar:predict", 404, "'cifar'; this server explains 'mnist'"),
    "another model's methods": ("GET", "/v1/models/cifar/methods", 404, "'cifar'; this server explains 'mnist'"),
    "another model's catalogue": ("GET", "/v1/models/cifar:explain", 404, "'cifar'; this server explains 'mnist'"),
    "another model's readiness": ("GET", "/v1/models/cifar", 404, "'cifar'"),
    "V2's inference": ("POST", "/v2/models/mnist/infer", 404, "is the predictor's"),
    "V2's versions": ("GET", "/v2/models/mnist/versions/1", 404, "is the predictor's"),
    "taking the model away": ("POST", "/v2/repository/models/mnist/unload", 403, "load and unload are not offered"),
    "a model's name of 2,000 characters": (
        "POST",
        f"/v1/models/{'m' * 2000}:explain",
        404,
        "this server explains 'mnist'",
    ),
    "a model's name of no character": ("GET", "/v1/models/%00%ff:explain", 404, "this server explains 'mnist'"),
}


@pytest.mark.parametrize("case", PATHS.values(), ids=PATHS.keys())
def test_a_mistake_in_the_path_is_told(case: tuple[str, str, int, str], pair: Pair, session: requests.Session) -> None:
    verb, path, status, sentence = case
    response = session.request(verb, pair.explainer.url + path, data=parameters(), timeout=TIMEOUT)
    assert_refused(response, status, sentence)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"[]", "not a JSON object"),
        (instances(GREY[0]), "expected [n, 1, 28, 28]"),
    ],
)
def test_the_predictors_refusal_of_a_prediction_is_passed_on(
    body: bytes, sentence: str, pair: Pair, session: requests.Session
) -> None:
    url = f"{pair.explainer.url}/v1/models/mnist:predict"
    assert_refused(session.post(url, data=body, timeout=TIMEOUT), 400, sentence)
