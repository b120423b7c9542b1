"""No component, and no order of them, loses a part of a container: a merge of lists does it silently."""

from __future__ import annotations

import pytest
import yaml
from kubernetes.utils.quantity import parse_quantity

from tests.manifests.cases import OVERLAYS
from tests.manifests.rendering import COMPONENTS, MANIFESTS, Object, Rendered, kustomize, overlay
from tests.manifests.restrictions import assert_restricted, assert_restricted_container


@pytest.mark.parametrize("component", COMPONENTS)
def test_the_container_is_kserves_and_runs_our_image(rendered: Rendered, component: str):
    container = rendered.container(component)
    assert container["name"] == "kserve-container"
    assert container["image"].startswith(f"kserve-captum/{component}:0.1.0")
    assert container["imagePullPolicy"] == "IfNotPresent"


def test_the_explainer_has_its_arguments(rendered: Rendered):
    deadline, workers = rendered.container("explainer")["args"]
    assert deadline.startswith("--deadline_seconds=")
    # KServe would add it from containerConcurrency.
    assert workers == "--workers=1"
    assert "containerConcurrency" not in rendered.component("explainer")


def test_grpc_is_on_where_its_port_is_given(rendered: Rendered):
    container = rendered.container("predictor")
    given = "grpc" in [port["name"] for port in container["ports"]]
    on_a_gpu = "nvidia.com/gpu" in container["resources"]["limits"]
    grpc, device = ["--enable_grpc=true"] * given, ["--device=cuda"] * on_a_gpu
    assert container["args"] == grpc + device


def test_a_gpus_pod_is_on_a_node_that_has_one(rendered: Rendered):
    predictor, explainer = (rendered.component(component) for component in COMPONENTS)
    on_a_gpu = "nvidia.com/gpu" in rendered.container("predictor")["resources"]["limits"]
    assert ("nodeSelector" in predictor, "tolerations" in predictor) == (on_a_gpu, on_a_gpu)
    assert predictor.get("runtimeClassName") == ("nvidia" if on_a_gpu else None)
    assert not {"nodeSelector", "tolerations", "runtimeClassName"} & {*explainer}


@pytest.mark.parametrize("component", COMPONENTS)
def test_ports_are_named_and_http_is_the_first(rendered: Rendered, component: str):
    first, *others = rendered.container(component)["ports"]
    assert first == {"name": "http", "containerPort": 8080, "protocol": "TCP"}
    grpc = [{"name": "grpc", "containerPort": 8081, "protocol": "TCP"}]
    assert others in ([grpc, []] if component == "predictor" else [[]])


@pytest.mark.parametrize("component", COMPONENTS)
def test_the_pod_is_restricted_and_has_limits(rendered: Rendered, component: str):
    assert_restricted(rendered.component(component))


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_request_is_within_its_limit(rendered: Rendered, component: str):
    resources = rendered.container(component)["resources"]
    for what, limit in resources["limits"].items():
        assert 0 < parse_quantity(resources["requests"][what]) <= parse_quantity(limit)


@pytest.mark.parametrize("component", COMPONENTS)
def test_the_container_is_probed_drained_and_can_write_to_tmp_alone(rendered: Rendered, component: str):
    assert_probed_and_drained(rendered.container(component))
    assert_tmp_is_bounded(rendered.component(component))


@pytest.mark.parametrize("component", COMPONENTS)
def test_metrics_are_announced(rendered: Rendered, component: str):
    assert rendered.component(component)["annotations"] == {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": "8080",
        "prometheus.io/path": "/metrics",
    }


def test_the_service_is_of_standard_mode_and_no_placeholder_is_left(rendered: Rendered):
    (service,) = rendered.all("InferenceService")
    assert service["metadata"]["name"] == rendered.name
    assert service["metadata"]["annotations"] == {"serving.kserve.io/deploymentMode": "Standard"}
    assert "NAME" not in yaml.safe_dump(rendered.objects)


def test_every_object_is_named_after_the_service_and_in_its_namespace(rendered: Rendered):
    named = [(one["kind"], one["metadata"]["name"]) for one in rendered.objects]
    assert len(set(named)) == len(named)
    assert all(name == rendered.name or name.startswith(f"{rendered.name}-") for _, name in named)
    assert {one["metadata"]["namespace"] for one in rendered.objects} == {rendered.namespace}


@pytest.mark.parametrize("name", [name for name in OVERLAYS if name.startswith("kind-")])
@pytest.mark.parametrize("component", COMPONENTS)
def test_a_kind_overlay_fits_into_a_small_node(name: str, component: str):
    requests = overlay(name).container(component)["resources"]["requests"]
    assert parse_quantity(requests["cpu"]) <= parse_quantity("100m")


def test_the_runtimes_container_is_the_bases():
    (runtime,) = kustomize(MANIFESTS / "runtime")
    (container,) = runtime["spec"]["containers"]
    assert_restricted_container(container)
    assert_probed_and_drained(container)
    (service,) = kustomize(MANIFESTS / "base")
    (expected,) = service["spec"]["predictor"]["containers"]
    # The one name that is known here is KServe's placeholder.
    assert container == {**expected, "args": ["--model_name={{.Name}}"]}
    assert runtime["spec"]["protocolVersions"] == ["v1", "v2"]
    assert_tmp_is_bounded(runtime["spec"])
    assert runtime["spec"]["annotations"] == service["spec"]["predictor"]["annotations"]


def assert_tmp_is_bounded(pod: Object) -> None:
    """In memory, and with an end: a full disk of the node would end the servers, and they could fill it."""
    (volume,) = pod["volumes"]
    assert volume["name"] == "tmp"
    assert volume["emptyDir"]["medium"] == "Memory"
    # It counts as the container's memory.
    (container,) = pod["containers"]
    limit = parse_quantity(container["resources"]["limits"]["memory"])
    assert 0 < parse_quantity(volume["emptyDir"]["sizeLimit"]) <= limit / 16


def assert_probed_and_drained(container: Object) -> None:
    for probe, path in (("startupProbe", "live"), ("livenessProbe", "live"), ("readinessProbe", "ready")):
        assert container[probe]["httpGet"] == {"path": f"/v2/health/{path}", "port": 8080}
    assert container["lifecycle"] == {"preStop": {"sleep": {"seconds": 5}}}
    assert container["volumeMounts"] == [{"name": "tmp", "mountPath": "/tmp"}]
