"""Who reaches whom, pod to pod. What is refused is dropped, so a refusal is a time-out."""

from __future__ import annotations

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


def test_the_explainer_reaches_nothing_but_its_predictor(mnist: Deployed, bystander: str) -> None:
    explainer, predictor = (pod_names(mnist.namespace, "mnist", one)[0] for one in ("explainer", "predictor"))
    served = f"http://{bystander}:8000/"
    # It is there: the predictor, which no egress policy binds, reaches it.
    assert get_from(mnist.namespace, predictor, served) == "200"
    assert get_from(mnist.namespace, explainer, served) == "timed out"


def test_anyone_in_the_cluster_reaches_the_explainer(mnist: Deployed, bystander: str) -> None:
    assert get_from(mnist.namespace, "bystander", f"http://mnist-explainer.{mnist.namespace}{READY}") == "200"
