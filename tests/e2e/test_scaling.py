"""More explainers: by their load, and by minReplicas."""

from __future__ import annotations

from tests.e2e.conftest import apply_mnist
from tests.e2e.deployed import Deployed, under_load, until
from tests.e2e.kubectl import kubectl, pod_names, pods
from tests.support.explaining import examples

INSTANCES = examples("mnist")[:1].tolist()
COUNT = "captum_explainer_explanation_seconds_count"


def replicas(least: int, most: int) -> list[dict[str, object]]:
    return [
        {"op": "replace", "path": "/spec/explainer/minReplicas", "value": least},
        {"op": "replace", "path": "/spec/explainer/maxReplicas", "value": most},
        {"op": "add", "path": "/spec/explainer/scaleMetric", "value": "cpu"},
        {"op": "add", "path": "/spec/explainer/scaleTarget", "value": 80},
    ]


def explained(namespace: str, pod: str) -> float:
    """How many explanations a pod's metrics count, by way of the API server."""
    text = kubectl("get", "--raw", f"/api/v1/namespaces/{namespace}/pods/{pod}:8080/proxy/metrics")
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(COUNT))


def test_load_adds_an_explainer_and_both_explain(mnist: Deployed) -> None:
    apply_mnist(mnist.namespace, *replicas(1, 2))
    mnist.wait("mnist")
    assert len(pod_names(mnist.namespace, "mnist", "explainer")) == 1
    call = lambda: mnist.explain(INSTANCES, method="integrated_gradients")  # noqa: E731
    with under_load(call, call, call) as loads:
        until(lambda: len(pods(mnist.namespace, "mnist", "explainer")) == 2, 150, "a second explainer by load")
        mnist.wait("mnist")
        names = pod_names(mnist.namespace, "mnist", "explainer")
        until(lambda: all(explained(mnist.namespace, name) > 0 for name in names), 60, "both have explained")
    assert [load.statuses for load in loads] == [{200: len(load.answers)} for load in loads]


def test_two_explainers_by_min_replicas(mnist: Deployed) -> None:
    apply_mnist(mnist.namespace, *replicas(2, 2))
    mnist.wait("mnist")
    names = pod_names(mnist.namespace, "mnist", "explainer")
    assert len(names) == 2
    before = {name: explained(mnist.namespace, name) for name in names}
    answers = [mnist.explain(INSTANCES, method="saliency") for _ in range(30)]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert all(explained(mnist.namespace, name) > before[name] for name in names)
    apply_mnist(mnist.namespace)
    until(lambda: len(pods(mnist.namespace, "mnist", "explainer")) == 1, 60, "one explainer again")
    mnist.wait("mnist")
