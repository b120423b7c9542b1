"""What each value does, and what is refused in a sentence."""

from __future__ import annotations

import json

import pytest

from tests.manifests.programs import Refused, run
from tests.manifests.rendering import CHART, COMPONENTS, Rendered, chart, seconds

BAKED_IN = "model.bakedIn=0.1.0-mnist"


def rendered_with(*values: str, name: str = "mnist", namespace: str = "default") -> Rendered:
    sets = [argument for value in values for argument in ("--set", value)]
    return chart(*sets, name=name, namespace=namespace)


def refusal(*values: str, name: str = "mnist", namespace: str = "default") -> str:
    with pytest.raises(Refused) as refused:
        rendered_with(*values, name=name, namespace=namespace)
    return str(refused.value)


def test_it_renders_the_service_and_its_route_by_default():
    assert [one["kind"] for one in rendered_with(BAKED_IN).objects] == ["HTTPRoute", "InferenceService"]


def test_it_renders_no_route_when_the_route_is_off():
    assert rendered_with(BAKED_IN, "route.enabled=false").all("HTTPRoute") == []


def test_the_route_is_of_the_domain_and_hangs_on_the_gateway():
    values = ("domain=models.test", "gateway.name=public", "gateway.namespace=edge")
    spec = rendered_with(BAKED_IN, *values, namespace="ns").one("HTTPRoute", "mnist-captum")["spec"]
    assert spec["hostnames"] == ["mnist-ns.models.test"]
    (parent,) = spec["parentRefs"]
    assert (parent["namespace"], parent["name"]) == ("edge", "public")


def test_the_limits_are_the_values():
    values = ("limits.maxRequestBody=8Mi", "limits.maxParallelRequests=7", "limits.requestsPerSecond=3")
    rendered = rendered_with(BAKED_IN, "limits.enabled=true", "limits.maxPendingRequests=5", *values)
    spec = rendered.one("BackendTrafficPolicy", "mnist-limits")["spec"]
    assert spec["requestBuffer"] == {"limit": "8Mi"}
    assert spec["circuitBreaker"] == {"maxParallelRequests": 7, "maxPendingRequests": 5}
    assert [rule["limit"]["requests"] for rule in spec["rateLimit"]["local"]["rules"]] == [3, 3]


def test_the_keys_secret_and_header_can_be_named():
    rendered = rendered_with(BAKED_IN, "apiKey.enabled=true", "apiKey.secret=team", "apiKey.header=authorization")
    keys = rendered.one("SecurityPolicy", "mnist-access")["spec"]["apiKeyAuth"]
    assert keys["credentialRefs"] == [{"group": "", "kind": "Secret", "name": "team"}]
    assert keys["extractFrom"] == [{"headers": ["authorization"]}]


def test_it_renders_policies_when_they_are_on():
    assert len(rendered_with(BAKED_IN, "networkPolicy.enabled=true").all("NetworkPolicy")) == 2


def test_a_policy_lets_another_gateways_pods_in():
    values = ("gateway.name=public", "gateway.podNamespace=edge", r"gateway.podLabel=example\.com/gateway")
    rendered = rendered_with(BAKED_IN, "networkPolicy.enabled=true", *values)
    (rule,) = rendered.one("NetworkPolicy", "mnist-predictor")["spec"]["ingress"]
    assert rule["from"][1] == {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "edge"}},
        "podSelector": {"matchLabels": {"example.com/gateway": "public"}},
    }


def test_a_policy_has_a_scraper_when_its_namespace_is_named():
    values = ("networkPolicy.enabled=true", "networkPolicy.scraperNamespace=prometheus")
    _, scraper = rendered_with(BAKED_IN, *values).one("NetworkPolicy", "mnist-predictor")["spec"]["ingress"]
    (peer,) = scraper["from"]
    assert peer == {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "prometheus"}}}


def test_a_policy_lets_the_named_namespaces_ask_the_explainer():
    values = ("networkPolicy.enabled=true", "networkPolicy.clientNamespaces={notebooks,batch}")
    rendered = rendered_with(BAKED_IN, *values)
    _, *named = rendered.one("NetworkPolicy", "mnist-explainer")["spec"]["ingress"]
    selectors = [rule["from"][0]["namespaceSelector"]["matchLabels"] for rule in named]
    assert [one["kubernetes.io/metadata.name"] for one in selectors] == ["notebooks", "batch"]
    assert len(rendered.one("NetworkPolicy", "mnist-predictor")["spec"]["ingress"]) == 1


@pytest.mark.parametrize("model", [BAKED_IN, "model.uri=s3://bucket/mnist"])
def test_a_policy_lets_a_component_out_where_it_is_told(model: str):
    rule = {"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [{"port": 9000, "protocol": "TCP"}]}
    values = [f"networkPolicy.{one}Egress={json.dumps([rule])}" for one in COMPONENTS]
    sets = ("--set", model, "--set", "networkPolicy.enabled=true", "--set-json", values[0], "--set-json", values[1])
    for component in COMPONENTS:
        egress = chart(*sets).one("NetworkPolicy", f"mnist-{component}")["spec"]["egress"]
        assert egress[-1] == rule
        assert len(egress) == (1 if component == "predictor" and model == BAKED_IN else 3)


def test_it_renders_budgets_when_they_are_on():
    budgets = rendered_with(BAKED_IN, "podDisruptionBudget.enabled=true").all("PodDisruptionBudget")
    assert [one["metadata"]["name"] for one in budgets] == ["mnist-predictor", "mnist-explainer"]


def test_a_model_in_the_image_is_the_images_tag():
    container = rendered_with("model.bakedIn=1.5").container("predictor")
    assert container["image"] == "kserve-captum/predictor:1.5"
    assert "env" not in container


@pytest.mark.parametrize(
    ("value", "address"),
    [("pvc=claim/some/folder", "pvc://claim/some/folder"), ("uri=s3://bucket/mnist", "s3://bucket/mnist")],
)
def test_a_model_from_elsewhere_is_the_storage_initializers(value: str, address: str):
    container = rendered_with(f"model.{value}").container("predictor")
    assert container["image"] == "kserve-captum/predictor:0.1.0"
    assert container["env"] == [{"name": "STORAGE_URI", "value": address}]


def test_it_refuses_a_release_without_a_model():
    expected = "The model's source is missing; expected one of model.bakedIn, model.pvc and model.uri."
    assert expected in refusal()


def test_it_refuses_a_release_with_two_models():
    assert "The model's source is model.bakedIn and model.uri; expected one of" in refusal(BAKED_IN, "model.uri=s3://b")


def test_the_longest_name_that_it_takes_makes_a_label_of_63_characters():
    name, namespace = "m" * 45, "default"
    rendered_with(BAKED_IN, name=name, namespace=namespace)
    assert len(f"{name}-predictor-{namespace}") == 63
    assert "have 53 characters together; expected at most 52" in refusal(BAKED_IN, name=name + "m", namespace=namespace)


@pytest.mark.parametrize("name", ["mnist.v2", "2mnist"])
def test_it_refuses_a_name_that_no_service_can_have(name: str):
    assert f'The release is named "{name}"; expected small letters' in refusal(BAKED_IN, name=name)


@pytest.mark.parametrize("timeout", [5, 86400])
def test_the_timeout_is_one_number_in_all_places(timeout: int):
    rendered = rendered_with(BAKED_IN, f"timeout={timeout}")
    for component in COMPONENTS:
        assert rendered.component(component)["timeout"] == timeout
        assert rendered.component(component)["terminationGracePeriodSeconds"] == timeout + 10
    assert rendered.container("explainer")["args"][0] == f"--deadline_seconds={timeout - 2}"
    (rule,) = rendered.one("HTTPRoute", "mnist-captum")["spec"]["rules"]
    assert seconds(rule["timeouts"]["request"]) == timeout


def test_flags_are_added_to_its_own():
    values = ("predictor.grpc=true", "predictor.args={--device=cuda}", "explainer.args={--max_steps=50}")
    rendered = rendered_with(BAKED_IN, *values)
    assert rendered.container("predictor")["args"] == ["--enable_grpc=true", "--device=cuda"]
    assert rendered.container("explainer")["args"] == ["--deadline_seconds=58", "--workers=1", "--max_steps=50"]


@pytest.mark.parametrize(("values", "ports"), [((), [8080]), (("predictor.grpc=true",), [8080, 8081])])
def test_it_serves_and_opens_a_second_port_when_grpc_is_on(values: tuple[str, ...], ports: list[int]):
    rendered = rendered_with(BAKED_IN, "networkPolicy.enabled=true", *values)
    assert [port["containerPort"] for port in rendered.container("predictor")["ports"]] == ports
    (rule,) = rendered.one("NetworkPolicy", "mnist-predictor")["spec"]["ingress"]
    assert [port["port"] for port in rule["ports"]] == ports


def test_the_explainer_scales_when_its_maximum_is_over_its_minimum():
    values = ("explainer.minReplicas=2", "explainer.maxReplicas=3", "explainer.scaleMetric=memory")
    explainer = rendered_with(BAKED_IN, *values, "explainer.scaleTarget=70").component("explainer")
    assert (explainer["minReplicas"], explainer["maxReplicas"]) == (2, 3)
    assert (explainer["scaleMetric"], explainer["scaleTarget"]) == ("memory", 70)
    assert "scaleMetric" not in rendered_with(BAKED_IN).component("explainer")


@pytest.mark.parametrize("component", COMPONENTS)
def test_pods_run_where_the_values_say(component: str):
    where = {
        "nodeSelector": {"disk": "fast"},
        "tolerations": [{"key": "spot", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
        "runtimeClassName": "gvisor",
    }
    sets = [("--set-json", f"{component}.{key}={json.dumps(value)}") for key, value in where.items()]
    rendered = chart("--set", BAKED_IN, *(argument for pair in sets for argument in pair))
    assert {key: rendered.component(component).get(key) for key in where} == where
    (other,) = {*COMPONENTS} - {component}
    assert not where.keys() & rendered.component(other).keys()


def test_an_image_may_be_of_a_registry_with_a_port_and_need_a_secret():
    values = (
        "image.explainer=registry.test:5000/explainer",
        "image.tag=0.2.0",
        "image.pullPolicy=Always",
        "image.pullSecrets[0].name=registry",
    )
    rendered = rendered_with(BAKED_IN, *values)
    assert rendered.container("explainer")["image"] == "registry.test:5000/explainer:0.2.0"
    for component in COMPONENTS:
        assert rendered.container(component)["imagePullPolicy"] == "Always"
        assert rendered.component(component)["imagePullSecrets"] == [{"name": "registry"}]


def test_the_predictor_has_the_service_account_that_is_named():
    rendered = rendered_with("model.uri=s3://bucket/mnist", "predictor.serviceAccountName=reader")
    assert rendered.component("predictor")["serviceAccountName"] == "reader"
    assert rendered.component("predictor")["automountServiceAccountToken"] is False


def test_its_notes_have_the_line_that_asks():
    install = ("install", "mnist", str(CHART), "--namespace", "ns", "--dry-run=client", "--set", BAKED_IN)
    _, notes = run("helm", *install).split("NOTES:")
    line = "curl -s -H 'Host: mnist-ns.example.com' --data-binary @picture.png http://GATEWAY/v1/models/mnist:explain"
    assert line in notes
    assert "helm --namespace ns test mnist" in notes
