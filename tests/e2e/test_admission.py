"""The API server, its CRDs and KServe's webhook take all that is rendered, field for field; nothing of it is made."""

from __future__ import annotations

import pytest
import yaml

from tests.e2e.kubectl import kubectl
from tests.manifests.cases import CASES
from tests.manifests.rendering import MANIFESTS

# Their CRDs are the Prometheus Operator's, which the cluster does not have.
UNKNOWN = {"PodMonitor", "PrometheusRule"}
# In one order; the other gives the same.
SERVICES = [name for name in CASES if not name.startswith("base + timeout + ")]
ONCE_A_CLUSTER = ("gateway", "runtime")


def admit(objects: list[dict], namespace: str) -> None:
    known = [one for one in objects if one["kind"] not in UNKNOWN]
    for one in known:
        one["metadata"] = {**one["metadata"], "namespace": namespace}
    dry = ("apply", "--dry-run=server", "--validate=strict", "--filename", "-")
    kubectl(*dry, document=yaml.safe_dump_all(known))


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_admitted(namespace: str, name: str) -> None:
    admit([{**one} for one in CASES[name]().objects], namespace)


@pytest.mark.parametrize("name", ONCE_A_CLUSTER)
def test_what_there_is_once_a_cluster_is_admitted(name: str) -> None:
    kubectl("apply", "--dry-run=server", "--validate=strict", "--kustomize", str(MANIFESTS / name))
