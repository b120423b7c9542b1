"""What is asked of Envoy Gateway: on every host of the service, and never less than the servers themselves allow."""

from __future__ import annotations

import json

import pytest
from kubernetes.utils.quantity import parse_quantity

from tests.manifests.cases import NAME, OVERLAYS
from tests.manifests.rendering import COMPONENTS, MANIFESTS, Object, Rendered, composed, kustomize, overlay, seconds

LARGEST_BODY = 64 << 20  # the servers' --max_body_bytes
MOST_CONNECTIONS = 256  # a server's
POLICIES = ("BackendTrafficPolicy", "SecurityPolicy")


def policy(component: str, kind: str) -> Object:
    (found,) = composed(NAME, (component,)).all(kind)
    return found["spec"]


def client_traffic() -> Object:
    (found,) = kustomize(MANIFESTS / "gateway")
    assert (found["kind"], found["metadata"]["namespace"]) == ("ClientTrafficPolicy", "kserve")
    return found["spec"]


@pytest.mark.parametrize("kind", POLICIES)
def test_a_policy_targets_all_routes_of_the_service(rendered: Rendered, kind: str):
    name = rendered.name
    routes = [name, f"{name}-predictor", f"{name}-explainer", f"{name}-captum"]
    for one in rendered.all(kind):
        assert one["spec"]["targetRefs"] == [
            {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": route} for route in routes
        ]


def test_our_route_is_among_the_targets():
    rendered = composed(NAME, ("route", "api-key", "limits"))
    (route,) = rendered.all("HTTPRoute")
    for kind in POLICIES:
        (one,) = rendered.all(kind)
        assert route["metadata"]["name"] in [target["name"] for target in one["spec"]["targetRefs"]]


def test_the_gateway_holds_the_largest_body_that_a_server_takes():
    assert parse_quantity(policy("limits", "BackendTrafficPolicy")["requestBuffer"]["limit"]) == LARGEST_BODY


def test_an_envoy_leaves_a_pod_connections_for_probes_and_explainers():
    assert policy("limits", "BackendTrafficPolicy")["circuitBreaker"]["maxParallelRequests"] <= MOST_CONNECTIONS / 2


def test_each_clients_address_is_counted_by_itself():
    limit = policy("limits", "BackendTrafficPolicy")["rateLimit"]
    assert limit["type"] == "Local"
    selectors = [selector for rule in limit["local"]["rules"] for selector in rule["clientSelectors"]]
    assert [one["sourceCIDR"] for one in selectors] == [
        {"type": "Distinct", "value": addresses} for addresses in ("0.0.0.0/0", "::/0")
    ]


def test_a_key_is_of_the_services_secret_and_goes_no_further():
    spec = policy("api-key", "SecurityPolicy")
    assert spec["apiKeyAuth"] == {
        "credentialRefs": [{"group": "", "kind": "Secret", "name": f"{NAME}-api-keys"}],
        "extractFrom": [{"headers": ["x-api-key"]}],
        "sanitize": True,
    }


def test_tokens_in_the_place_of_keys():
    keys, tokens = (composed(NAME, components) for components in (("api-key",), ("api-key", "../../examples/jwt")))
    (before,), (after,) = (one.all("SecurityPolicy") for one in (keys, tokens))
    assert after["spec"]["targetRefs"] == before["spec"]["targetRefs"]
    assert set(after["spec"]) == {"targetRefs", "jwt"}
    (provider,) = after["spec"]["jwt"]["providers"]
    assert provider["issuer"]
    assert provider["audiences"]
    (key,) = json.loads(provider["localJWKS"]["inline"])["keys"]
    assert "d" not in key  # a private key's part


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_gateway_waits_longer_than_an_explanation_may_take(name: str):
    idle = seconds(client_traffic()["timeout"]["http"]["streamIdleTimeout"])
    assert all(idle > overlay(name).component(component)["timeout"] for component in COMPONENTS)


def test_the_gateways_policy_is_of_the_gateway_that_the_routes_hang_on():
    (route,) = composed(NAME, ("route",)).all("HTTPRoute")
    (parent,), (target,) = route["spec"]["parentRefs"], client_traffic()["targetRefs"]
    assert (parent["kind"], parent["name"]) == (target["kind"], target["name"])
