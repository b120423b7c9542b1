"""Every path of both servers that answers 200, and what of kserve's own server is not there."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import requests

from local.servers import Pair
from tests.conftest import StartPair

PICTURE = np.zeros((28, 28)).tolist()
INSTANCES = json.dumps({"instances": [PICTURE], "parameters": {"method": "saliency"}})
TENSOR = {"name": "image", "datatype": "FP32", "shape": [1, 1, 28, 28], "data": [0.0] * 784}
INPUTS = json.dumps({"inputs": [TENSOR], "parameters": {"method": "saliency"}})

MODELS = {"models": ["mnist"]}
READY = {"name": "mnist", "ready": True}
NOT_CHECKED_HERE = None  # other tests know these answers

# KServe's paths that each server has; what differs between the two is below.
BOTH: dict[str, Any] = {
    "GET /": {"status": "alive"},
    "GET /metrics": NOT_CHECKED_HERE,
    "GET /v1/models": MODELS,
    "GET /v1/models/mnist": READY,
    "GET /v2/health/live": {"live": True},
    "GET /v2/health/ready": {"ready": True},
    "GET /v2/models": MODELS,
    "GET /v2/models/mnist/ready": READY,
    "POST /v1/models/mnist:predict": NOT_CHECKED_HERE,
}
PATHS: dict[str, dict[str, Any]] = {
    "predictor": {
        **BOTH,
        "GET /v2": NOT_CHECKED_HERE,
        "GET /v2/models/mnist": NOT_CHECKED_HERE,
        "POST /v2/models/mnist/infer": NOT_CHECKED_HERE,
    },
    "explainer": {
        **BOTH,
        "GET /v2": {"name": "kserve", "version": "0.21.0", "extensions": []},
        "GET /v2/models/mnist": {"name": "mnist", "versions": None, "platform": "", "inputs": [], "outputs": []},
        "POST /v1/models/mnist:explain": NOT_CHECKED_HERE,
        "GET /v1/models/mnist:explain": NOT_CHECKED_HERE,
        "GET /v1/models/mnist/methods": NOT_CHECKED_HERE,
        "POST /explanations/mnist": NOT_CHECKED_HERE,
        "PUT /explanations/mnist": NOT_CHECKED_HERE,
        "POST /explanations/mnist/1.0": NOT_CHECKED_HERE,
        "PUT /explanations/mnist/1.0": NOT_CHECKED_HERE,
        "POST /v2/models/mnist/explain": NOT_CHECKED_HERE,
    },
}
# FastAPI's, and those that kserve adds for models of other kinds; a slash at the end is another path.
NOWHERE = [
    *("/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect"),
    *("/openai/v1/models", "/openai/v1/completions", "/v1/timeseries/forecast"),
    *("/v1/models/", "/v1/models/mnist/", "/v2/health/live/", "/v2/health", "/metrics/"),
]


@pytest.fixture(params=["predictor", "explainer"])
def server(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(start_pair: StartPair, server: str) -> str:
    pair: Pair = start_pair("mnist", 1)
    return str(getattr(pair, server).url)


def send(url: str, method: str, path: str) -> requests.Response:
    body = None if method in ("GET", "HEAD") else INPUTS if path.startswith("/v2") else INSTANCES
    return requests.request(method, url + path, data=body, timeout=60)


def test_every_path_answers(url: str, server: str) -> None:
    for asked, answer in PATHS[server].items():
        response = send(url, *asked.split())
        assert response.status_code == 200, asked
        if answer is not None:
            assert (asked, response.json()) == (asked, answer)


def test_head_is_get_without_the_body(url: str, server: str) -> None:
    for asked in PATHS[server]:
        method, path = asked.split()
        if method == "GET":
            response = send(url, "HEAD", path)
            assert (asked, response.status_code, response.content) == (asked, 200, b"")


def test_no_other_method_answers(url: str, server: str) -> None:
    for path in {asked.split()[1] for asked in PATHS[server]}:
        taken = {asked.split()[0] for asked in PATHS[server] if asked.split()[1] == path}
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - taken:
            response = send(url, method, path)
            assert (method, path, response.status_code) == (method, path, 405)
            assert response.json()["error"].startswith(f"{method} is not possible at {path}")


@pytest.mark.parametrize("path", NOWHERE)
def test_nothing_else_is_there(url: str, server: str, path: str) -> None:
    for method in ("GET", "POST"):
        response = send(url, method, path)
        sentence = f"the {server} has nothing at {path}; GET /v1/models lists the models"
        assert (response.status_code, response.json()) == (404, {"error": sentence})


def test_models_are_not_taken_away(url: str) -> None:
    for action in ("load", "unload"):
        response = send(url, "POST", f"/v2/repository/models/mnist/{action}")
        assert response.status_code == 403
        assert response.json()["error"].startswith("models are loaded when the server starts; ")
    assert send(url, "GET", "/v1/models").json() == MODELS
