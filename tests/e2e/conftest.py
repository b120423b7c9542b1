"""The InferenceServices that the end-to-end tests share, in a namespace of the run's own."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from kubernetes import client, config

from cluster.wait import CONTEXT
from local.servers import Pair, running_pair
from tests.e2e.deployed import Deployed, apply, remove_folders
from tests.e2e.helm import helm, put
from tests.e2e.kubectl import kubectl, what_happened
from tests.e2e.pods import start_pod

# Short, so that a test of a deadline does not take a minute. Ours is 2 s less, as in components/timeout.
TIMEOUT = 20


def with_timeout(seconds: int) -> dict[str, list[dict[str, object]]]:
    """The patches that state a timeout in all its places."""
    service = [
        {"op": "replace", "path": f"/spec/{component}/{key}", "value": value}
        for component in ("predictor", "explainer")
        for key, value in (("timeout", seconds), ("terminationGracePeriodSeconds", seconds + 10))
    ]
    deadline = {
        "op": "replace",
        "path": "/spec/explainer/containers/0/args/0",
        "value": f"--deadline_seconds={seconds - 2}",
    }
    return {
        "InferenceService": [*service, deadline],
        "HTTPRoute": [{"op": "replace", "path": "/spec/rules/0/timeouts/request", "value": f"{seconds}s"}],
    }


def kind_patches(name: str, namespace: str) -> dict[str, list[dict[str, object]]]:
    """What a kind overlay needs in another namespace, with the tests' timeout."""
    patches = with_timeout(TIMEOUT)
    hosts = [f"{name}-{namespace}.example.com"]
    patches["HTTPRoute"].append({"op": "replace", "path": "/spec/hostnames", "value": hosts})
    return patches


@pytest.fixture(scope="session")
def api() -> client.ApiClient:
    return config.new_client_from_config(context=CONTEXT)


@contextmanager
def own_namespace(name: str) -> Iterator[str]:
    """A namespace that admits only pods of the restricted profile: no pod of ours may need more."""
    kubectl("create", "namespace", name)
    try:
        kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
        yield name
    finally:
        remove_folders(name)
        kubectl("delete", "namespace", name, "--wait=true", "--timeout=180s")


@pytest.fixture(scope="session")
def namespace() -> Iterator[str]:
    """This run's."""
    with own_namespace(f"e2e-{secrets.token_hex(2)}") as name:
        yield name


@pytest.fixture(scope="session")
def mnist(api: client.ApiClient, namespace: str) -> Deployed:
    """mnist, from the manifests, with all that restricts it."""
    deployed = Deployed(api, namespace, "mnist")
    apply_mnist(namespace)
    deployed.wait("mnist")
    return deployed


def apply_mnist(
    namespace: str, *changes: dict[str, object], components: tuple[str, ...] = (), **patches: list[dict[str, object]]
) -> None:
    """Apply mnist, with changes of the InferenceService, more components, and patches of their kinds."""
    all_patches = {**kind_patches("mnist", namespace), **patches}
    all_patches["InferenceService"].extend(changes)
    restricting = ("network-policy", "pod-disruption-budget", *components)
    apply(namespace, "manifests/overlays/kind-mnist", all_patches, restricting)


@contextmanager
def as_in_a_pod(name: str, folder: Path) -> Iterator[Pair]:
    """A model by the same programs on this machine, without what its environment tells OpenBLAS.

    A machine's OPENBLAS_CORETYPE, say, which no pod has: other kernels solve KernelSHAP's system with other last bits.
    """
    with pytest.MonkeyPatch.context() as patch:
        for variable in [variable for variable in os.environ if variable.startswith("OPENBLAS_")]:
            patch.delenv(variable)
        with running_pair(name, folder) as pair:
            yield pair


@pytest.fixture(scope="session")
def local_mnist(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """The same model by the same programs on this machine."""
    with as_in_a_pod("mnist", tmp_path_factory.mktemp("mnist")) as pair:
        yield pair


@pytest.fixture(scope="session")
def local_fashion_mnist(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """The same for the other model."""
    with as_in_a_pod("fashion-mnist", tmp_path_factory.mktemp("fashion-mnist")) as pair:
        yield pair


@pytest.fixture(scope="session")
def fashion_mnist(api: client.ApiClient, namespace: str) -> Iterator[Deployed]:
    """fashion-mnist, from the chart."""
    deployed = Deployed(api, namespace, "fashion-mnist")
    put("install", deployed)
    deployed.wait("fashion-mnist")
    yield deployed
    helm("uninstall", "fashion-mnist", "--namespace", namespace)


@pytest.fixture(scope="session")
def bystander(namespace: str) -> str:
    """A pod that has nothing to do with an InferenceService, and serves files over HTTP; its address."""
    return start_pod(namespace, "bystander", "import http.server as h; h.test(h.SimpleHTTPRequestHandler, port=8000)")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if report.failed:
        names = kubectl("get", "namespaces", "--output", "name", check=False).split()
        for name in (one.removeprefix("namespace/") for one in names if one.startswith("namespace/e2e-")):
            report.sections.append((f"namespace {name}", what_happened(name)))
    return report
