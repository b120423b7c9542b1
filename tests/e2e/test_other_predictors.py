"""The explainer beside predictors that are not ours: a random forest, and one that shows what it was sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import yaml
from captum_explainer.catalogue.catalogue import catalogue
from captum_explainer.predictor_client.description import Access
from kubernetes import client

from local.servers import ROOT
from tests.e2e.deployed import Deployed
from tests.e2e.kubectl import kubectl
from tests.e2e.pods import PORT, container
from tests.support.explaining import examples

FOREST = ROOT / "examples" / "random-forest" / "inferenceservice.yaml"

# A V1 predictor of two classes that answers GET /received with the headers of its last prediction.
RECORDER = f"""
import http.server, json
class Handler(http.server.BaseHTTPRequestHandler):
    received = {{}}
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.answer(Handler.received if self.path == "/received" else None)
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        Handler.received = {{name.lower(): value for name, value in self.headers.items()}}
        self.answer({{"predictions": [[0.25, 0.75] for _ in body["instances"]]}})
    def answer(self, document):
        body = json.dumps(document).encode()
        self.send_response(200 if document is not None else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("", {PORT}), Handler).serve_forever()
"""


def explainer(service: dict[str, Any]) -> dict[str, Any]:
    """The explainer of the manifests' base, unchanged."""
    base = yaml.safe_load((ROOT / "manifests" / "base" / "inferenceservice.yaml").read_text())
    return {**service, "spec": {**service["spec"], "explainer": base["spec"]["explainer"]}}


@pytest.fixture(scope="module")
def forest(api: client.ApiClient, namespace: str) -> Iterator[Deployed]:
    kubectl("apply", "--namespace", namespace, "--filename", str(FOREST))
    deployed = Deployed(api, namespace, "random-forest")
    deployed.wait()
    yield deployed
    deployed.delete()


def test_a_random_forest_is_explained_by_its_scores(forest: Deployed) -> None:
    grey = (examples("mnist")[:1, 0] - 0.5).tolist()
    answer = forest.explain(grey, method="kernel_shap", n_samples=200)
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert document["model"]["digest"] is None
    likeliest = max(forest.predict(grey).json()["predictions"][0])
    assert document["details"][0]["probability"] == np.float32(likeliest)


def test_what_a_random_forest_cannot_give_is_told(forest: Deployed) -> None:
    answer = forest.explain((examples("mnist")[:1, 0] - 0.5).tolist(), method="integrated_gradients")
    assert answer.status_code == 400
    possible = [name for name, method in catalogue().items() if method.access == Access.SCORES]
    assert len(possible) > 1
    assert answer.json()["error"].endswith(f"possible: {', '.join(possible)}")


@pytest.fixture(scope="module")
def recorder(api: client.ApiClient, namespace: str) -> Iterator[Deployed]:
    service = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": "recorder",
            "namespace": namespace,
            "annotations": {"serving.kserve.io/deploymentMode": "Standard"},
        },
        "spec": {"predictor": {"containers": [container(RECORDER, name="kserve-container")]}},
    }
    kubectl("apply", "--filename", "-", document=yaml.safe_dump(explainer(service)))
    deployed = Deployed(api, namespace, "recorder")
    deployed.wait()
    yield deployed
    deployed.delete()


HEADERS = {
    "Authorization": "Bearer of-the-test",
    "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "tracestate": "vendor=value",
    "x-request-id": "of-the-client",
    "x-private": "not passed on",
}
PASSED_ON = ("authorization", "traceparent", "tracestate")
BODY = {"instances": [[0.1, 0.2, 0.3, 0.4]], "parameters": {"method": "feature_ablation", "segmentation": "pixels"}}

# The same from inside the cluster, where no gateway is on the way.
ASK = """
import json, sys, requests
url, headers, body = sys.argv[1], *map(json.loads, sys.argv[2:])
answer = requests.post(url, headers=headers, json=body, timeout=30)
sys.exit(None if answer.status_code == 200 else answer.text)
"""


def received(recorder: Deployed) -> dict[str, str]:
    return recorder.ask("GET", "/received").json()


def test_a_clients_headers_reach_the_predictor(recorder: Deployed) -> None:
    answer = recorder.ask("POST", "/v1/models/recorder:explain", headers=HEADERS, json=BODY)
    assert answer.status_code == 200, answer.text
    got = received(recorder)
    assert {name: got[name] for name in PASSED_ON} == {
        name.lower(): value for name, value in HEADERS.items() if name.lower() in PASSED_ON
    }
    # The gateway gives each request an id of its own; the explainer passes on what it gets (see the next test).
    assert got["x-request-id"] not in ("", "of-the-client")
    assert "x-private" not in got
    assert "of-the-test" not in str(answer.headers) + answer.text


def test_a_request_id_reaches_the_predictor_where_no_gateway_replaces_it(recorder: Deployed, bystander: str) -> None:
    url = f"http://recorder-explainer.{recorder.namespace}/v1/models/recorder:explain"
    arguments = ("python", "-c", ASK, url, json.dumps(HEADERS), json.dumps(BODY))
    kubectl("exec", "--namespace", recorder.namespace, "bystander", "--", *arguments)
    assert received(recorder)["x-request-id"] == "of-the-client"
