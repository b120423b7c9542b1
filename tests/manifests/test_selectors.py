"""Each selector selects our pods, by the labels that KServe gives them, and nobody else's."""

from __future__ import annotations

from dataclasses import dataclass

from tests.manifests.rendering import COMPONENTS, Object, Rendered


@dataclass(frozen=True)
class Pod:
    service: str
    component: str

    @property
    def labels(self) -> dict[str, str]:
        """As KServe 0.20 gives them."""
        return {
            "app": f"isvc.{self.service}-{self.component}",
            "component": self.component,
            "serving.kserve.io/inferenceservice": self.service,
        }


def selected(selector: Object, name: str) -> list[Pod]:
    """Of our service's pods and those of others in its namespace."""
    services = (name, f"{name}-2", "model", "NAME")
    pods = [Pod(service, component) for service in services for component in COMPONENTS]
    assert set(selector) == {"matchLabels"}
    assert selector["matchLabels"]
    return [pod for pod in pods if selector["matchLabels"].items() <= pod.labels.items()]


def test_each_budget_selects_a_components_pods(rendered: Rendered):
    for budget in rendered.all("PodDisruptionBudget"):
        (pod,) = selected(budget["spec"]["selector"], rendered.name)
        assert budget["metadata"]["name"] == f"{pod.service}-{pod.component}"
        assert pod.service == rendered.name
        # Of one pod, minAvailable: 1 would let no node be drained.
        assert budget["spec"]["maxUnavailable"] == 1


GATEWAY = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "envoy-gateway-system"}},
    "podSelector": {"matchLabels": {"gateway.envoyproxy.io/owning-gateway-name": "kserve-ingress-gateway"}},
}
DNS = {
    "to": [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
            "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
        }
    ],
    "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}],
}
# The pod's port: a policy is looked at behind the Service's translation of 80.
HTTP = {"port": 8080, "protocol": "TCP"}
SCRAPER = {
    "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
    "ports": [HTTP],
}


def policy_of(rendered: Rendered, component: str) -> Object:
    """What a component's policy says, which is of its pods alone and of both directions."""
    spec = rendered.one("NetworkPolicy", f"{rendered.name}-{component}")["spec"]
    assert selected(spec["podSelector"], rendered.name) == [Pod(rendered.name, component)]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    return spec


def test_the_predictors_policy_lets_its_explainer_and_the_gateway_in(rendered: Rendered):
    if not rendered.all("NetworkPolicy"):
        return
    first, *scrapers = policy_of(rendered, "predictor")["ingress"]
    explainer, gateway = first["from"]
    assert set(explainer) == {"podSelector"}
    assert selected(explainer["podSelector"], rendered.name) == [Pod(rendered.name, "explainer")]
    assert gateway == GATEWAY
    served = [port["containerPort"] for port in rendered.container("predictor")["ports"]]
    assert [port["port"] for port in first["ports"]] == served
    assert scrapers in ([], [SCRAPER])


def test_the_predictors_policy_lets_it_out_where_its_model_comes_from_afar(rendered: Rendered):
    if not rendered.all("NetworkPolicy"):
        return
    sources = [one["value"] for one in rendered.container("predictor").get("env", [])]
    afar = [source for source in sources if not source.startswith("pvc:")]
    expected = [DNS, {"ports": [{"port": 443, "protocol": "TCP"}]}] if afar else []
    assert policy_of(rendered, "predictor")["egress"] == expected


def test_the_explainers_policy_lets_the_gateway_in(rendered: Rendered):
    if not rendered.all("NetworkPolicy"):
        return
    first, *scrapers = policy_of(rendered, "explainer")["ingress"]
    assert first == {"from": [GATEWAY], "ports": [HTTP]}
    assert scrapers == policy_of(rendered, "predictor")["ingress"][1:]


def test_the_explainers_policy_lets_it_out_to_its_predictor_and_dns(rendered: Rendered):
    if not rendered.all("NetworkPolicy"):
        return
    predictor, dns = policy_of(rendered, "explainer")["egress"]
    (peer,) = predictor["to"]
    assert set(peer) == {"podSelector"}
    assert selected(peer["podSelector"], rendered.name) == [Pod(rendered.name, "predictor")]
    assert predictor["ports"] == [HTTP]
    assert dns == DNS


def test_the_route_leads_from_the_services_main_host_to_its_explainer(rendered: Rendered):
    for route in rendered.all("HTTPRoute"):
        assert route["spec"]["hostnames"] == [f"{rendered.name}-{rendered.namespace}.example.com"]
        (parent,) = route["spec"]["parentRefs"]
        assert (parent["namespace"], parent["name"]) == ("kserve", "kserve-ingress-gateway")
        (rule,) = route["spec"]["rules"]
        assert rule["backendRefs"] == [{"name": f"{rendered.name}-explainer", "port": 80}]
        # KServe's route of the same host has the service's name.
        assert route["metadata"]["name"] == f"{rendered.name}-captum"
