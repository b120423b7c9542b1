"""Who reaches whom, pod to pod. What is refused is dropped, so a refusal is a time-out."""

from __future__ import annotations

import pytest

from tests.e2e.deployed import Deployed
from tests.e2e.kubectl import pod_names
from tests.e2e.pods import get_from

READY = "/v2/health/ready"


def test_the_predictor_is_reached_by_its_explainer_and_the_gateway_alone(mnist: Deployed, bystander: str) -> None:
    explainer = pod_names(mnist.namespace, "mnist", "explainer")[0]
    predictor = f"http://mnist-predictor.{mnist.namespace}"
    assert get_from(mnist.namespace, explainer, predictor + READY) == "200"
    assert mnist.ask("GET", READY).status_code == 200
    assert get_from(mnist.namespace, "bystander", predictor + READY) == "timed out"


def test_the_explainer_is_reached_by_the_gateway_alone(mnist: Deployed, bystander: str) -> None:
    assert mnist.ask("GET", READY, host=mnist.explainer_host).status_code == 200
    assert get_from(mnist.namespace, "bystander", f"http://mnist-explainer.{mnist.namespace}{READY}") == "timed out"


@pytest.mark.parametrize("component", ["predictor", "explainer"])
def test_a_server_reaches_nothing_else(mnist: Deployed, bystander: str, component: str) -> None:
    (pod,) = pod_names(mnist.namespace, "mnist", component)
    served = f"http://{bystander}:8000/"
    assert get_from(mnist.namespace, "bystander", served) == "200"
    assert get_from(mnist.namespace, pod, served) == "timed out"
