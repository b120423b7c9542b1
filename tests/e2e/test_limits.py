"""What the gateway refuses, with components/limits and manifests/gateway: of those that want too much, or never end."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from tests.e2e.conftest import apply_mnist
from tests.e2e.deployed import GATEWAY, Deployed, until
from tests.e2e.kubectl import kubectl, read
from tests.support.explaining import examples

READY = "/v2/health/ready"
LIMIT = 64 << 20
CLIENT_POLICY = ("clienttrafficpolicy", "kserve-ingress-gateway", "--namespace", "kserve")


def accepted(policy: dict) -> bool:
    """Whether Envoy Gateway has taken a policy over, for each of its targets."""
    conditions = [one for ancestor in policy.get("status", {}).get("ancestors", []) for one in ancestor["conditions"]]
    return bool(conditions) and all(one["status"] == "True" for one in conditions if one["type"] == "Accepted")


@pytest.fixture
def limited(mnist: Deployed) -> Iterator[Deployed]:
    """mnist with the limits, and without them afterwards: other tests ask more often."""
    name = ("backendtrafficpolicy", "mnist-limits", "--namespace", mnist.namespace)
    apply_mnist(mnist.namespace, components=("limits",))
    try:
        until(lambda: accepted(read(*name)), 30, "the policy is accepted")
        mnist.wait("mnist")
        time.sleep(2)  # Envoy gets it after it is accepted
        yield mnist
    finally:
        kubectl("delete", *name)


def patch_limits(limited: Deployed, spec: dict) -> None:
    name = ("backendtrafficpolicy", "mnist-limits", "--namespace", limited.namespace)
    kubectl("patch", *name, "--type", "merge", "--patch", json.dumps({"spec": spec}))
    time.sleep(3)


def test_the_largest_body_goes_through_and_a_larger_one_does_not(limited: Deployed) -> None:
    path = "/v1/models/mnist:predict"
    through = limited.ask("POST", path, data=b" " * (LIMIT - (1 << 20)))
    assert "error" in through.json()  # the predictor's own sentence
    refused = limited.ask("POST", path, data=b" " * (LIMIT + (1 << 20)))
    assert refused.status_code == 413
    assert "application/json" not in refused.headers.get("content-type", "")


@pytest.mark.parametrize("host", ["main", "predictor", "explainer"])
def test_a_client_that_asks_too_often_is_told_so_on_every_host(limited: Deployed, host: str) -> None:
    part = "" if host == "main" else f"-{host}"
    name = f"mnist{part}-{limited.namespace}.example.com"
    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(lambda _: limited.ask("GET", READY, host=name).status_code, range(300)))
    assert set(statuses) <= {200, 429}
    assert statuses.count(429) > 0
    time.sleep(1.1)
    assert limited.ask("GET", READY, host=name).status_code == 200


def test_requests_beyond_those_that_a_component_gets_at_once_are_refused_at_once(limited: Deployed) -> None:
    patch_limits(limited, {"circuitBreaker": {"maxParallelRequests": 1, "maxPendingRequests": 1}})
    instances = examples("mnist")[:1].tolist()

    def explain(_: int) -> int:
        return limited.explain(instances, method="kernel_shap", n_samples=2000).status_code

    def explain_at_once() -> set[int]:
        with ThreadPoolExecutor(8) as pool:
            return set(pool.map(explain, range(8)))

    # Envoy takes the new numbers over when it has the component's addresses again: 15 s or more.
    until(lambda: explain_at_once() == {200, 503}, 90, "some are refused, and one is not")


def test_a_body_that_never_ends_is_cut_off(mnist: Deployed) -> None:
    where = urlsplit(GATEWAY)
    timeout = read(*CLIENT_POLICY)["spec"]["timeout"]["http"]["requestReceivedTimeout"]
    kubectl("patch", *CLIENT_POLICY, "--type", "merge", "--patch", requests_within("2s"))
    try:
        time.sleep(3)
        with socket.create_connection((where.hostname, where.port), timeout=30) as connection:
            head = f"POST /v1/models/mnist:predict HTTP/1.1\r\nHost: {mnist.host}\r\nContent-Length: 1000\r\n\r\n"
            connection.sendall(head.encode() + b"{")
            begin = time.monotonic()
            answer = connection.recv(4096)
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert time.monotonic() - begin < 10
    finally:
        kubectl("patch", *CLIENT_POLICY, "--type", "merge", "--patch", requests_within(timeout))


def requests_within(timeout: str) -> str:
    return json.dumps({"spec": {"timeout": {"http": {"requestReceivedTimeout": timeout}}}})
