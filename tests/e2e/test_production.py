"""The production overlay, as it is but for what this machine's two cores cannot give."""

from __future__ import annotations

from kubernetes import client

from tests.e2e.conftest import own_namespace
from tests.e2e.deployed import Deployed, apply
from tests.e2e.kubectl import pod_names, read
from tests.e2e.pods import get_from
from tests.e2e.volumes import models_volume
from tests.support.explaining import examples

CONTAINER = "containers/0/resources/requests/cpu"
SMALL = [{"op": "replace", "path": f"/spec/{one}/{CONTAINER}", "value": "50m"} for one in ("predictor", "explainer")]


def test_it_serves_a_model_from_a_volume(api: client.ApiClient, namespace: str, bystander: str) -> None:
    with own_namespace(f"{namespace}-p") as production, models_volume(production):
        hosts = [f"fashion-mnist-{production}.example.com"]
        route = [{"op": "replace", "path": "/spec/hostnames", "value": hosts}]
        apply(production, "manifests/overlays/production", {"InferenceService": SMALL, "HTTPRoute": route})
        served = Deployed(api, production, "fashion-mnist")
        served.wait("fashion-mnist")
        assert len(pod_names(production, "fashion-mnist", "predictor")) == 2
        answer = served.explain(examples("fashion-mnist")[:1].tolist(), method="deep_lift")
        assert answer.status_code == 200, answer.text
        assert answer.json()["details"][0]["prediction_label"] == "Ankle boot"
        assert served.ask("GET", "/v1/models/fashion-mnist/methods").status_code == 200
        predictor = f"http://fashion-mnist-predictor.{production}/v2/health/ready"
        assert get_from(namespace, "bystander", predictor) == "timed out"
        budgets = read("poddisruptionbudgets", "--namespace", production)["items"]
        healthy = {one["metadata"]["name"]: one["status"]["currentHealthy"] for one in budgets}
        assert healthy == {"fashion-mnist-explainer": 1, "fashion-mnist-predictor": 2}
