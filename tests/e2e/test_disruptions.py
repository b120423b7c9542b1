"""Pods that are killed, and a predictor that is gone for a while."""

from __future__ import annotations

import time

import requests

from tests.e2e.deployed import Deployed, under_load, until
from tests.e2e.kubectl import kubectl, pod_names, pods
from tests.support.explaining import examples

INSTANCES = examples("mnist")[:1].tolist()


def explain(mnist: Deployed) -> requests.Response:
    return mnist.explain(INSTANCES, method="integrated_gradients", n_steps=40, internal_batch_size=4)


def kill(namespace: str, pod: str) -> None:
    """Without any grace: the process ends in the middle of whatever it does."""
    kubectl("delete", "pod", "--namespace", namespace, pod, "--force", "--grace-period", "0")


def assert_ours(answer: requests.Response) -> None:
    """A 503 of the explainer's own: a sentence, and when to try again."""
    assert answer.status_code == 503
    assert "the predictor" in answer.json()["error"]
    assert int(answer.headers["Retry-After"]) >= 1


def test_a_killed_predictor_gives_whole_answers_or_our_503(mnist: Deployed) -> None:
    whole = explain(mnist).json()
    failures = []

    def ask() -> requests.Response:
        answer = explain(mnist)
        if answer.status_code != 200:
            failures.append(answer)
        return answer

    with under_load(ask, ask) as loads:
        until(lambda: all(len(load.answers) >= 3 for load in loads), 60, "three answers before")
        kill(mnist.namespace, pod_names(mnist.namespace, "mnist", "predictor")[0])
        time.sleep(1)
        mnist.wait("mnist")
        before = [len(load.answers) for load in loads]
        until(lambda: all(len(x.answers) > n for x, n in zip(loads, before, strict=True)), 60, "an answer after")
    for load in loads:
        for status, _, document in load.answers:
            assert status == 503 or document == whole
    for failure in failures:
        assert_ours(failure)


def test_a_killed_explainer_costs_its_requests_a_503_of_the_gateway(mnist: Deployed) -> None:
    with under_load(lambda: explain(mnist), lambda: explain(mnist)) as loads:
        until(lambda: all(len(load.answers) >= 3 for load in loads), 60, "three answers before")
        kill(mnist.namespace, pod_names(mnist.namespace, "mnist", "explainer")[0])
        time.sleep(1)
        mnist.wait("mnist")
    for load in loads:
        assert set(load.statuses) <= {200, 503}
    assert explain(mnist).status_code == 200


def test_a_predictor_that_is_scaled_to_zero_and_back(mnist: Deployed) -> None:
    whole = explain(mnist).json()
    explainer = pods(mnist.namespace, "mnist", "explainer")[0]
    deployment = ("deployment", "mnist-predictor", "--namespace", mnist.namespace)
    kubectl("scale", *deployment, "--replicas", "0")
    until(lambda: pods(mnist.namespace, "mnist", "predictor") == [], 60, "no predictor left")
    until(lambda: explain(mnist).status_code == 503, 30, "the explainer says that its predictor is gone")
    begin = time.monotonic()
    assert_ours(explain(mnist))
    assert time.monotonic() - begin < 10
    kubectl("scale", *deployment, "--replicas", "1")
    until(lambda: explain(mnist).status_code == 200, 30, "right again after the predictor came back")
    assert explain(mnist).json() == whole
    after = pods(mnist.namespace, "mnist", "explainer")[0]
    assert after["metadata"]["name"] == explainer["metadata"]["name"]
    assert after["status"]["containerStatuses"][0]["restartCount"] == 0
    mnist.wait("mnist")
