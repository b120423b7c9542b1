"""The schema knows the values of values.yaml and no others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.manifests.programs import Refused
from tests.manifests.rendering import CHART, chart

BAKED_IN = ("--set", "model.bakedIn=0.1.0-mnist")
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
# Quantities and labels are named by the node: cpu, memory, nvidia.com/gpu. An affinity is of Kubernetes.
FREE = (".requests.", ".limits.", ".nodeSelector.", ".labels.", ".affinity.")


def mappings(values: dict[str, Any], prefix: str = "") -> Iterator[str]:
    yield prefix
    for key, value in values.items():
        if isinstance(value, dict):
            yield from mappings(value, f"{prefix}{key}.")


CLOSED = [prefix for prefix in mappings(VALUES) if not prefix.endswith(FREE)]


@pytest.mark.parametrize("prefix", CLOSED)
def test_it_refuses_an_unknown_key(prefix: str):
    with pytest.raises(Refused, match="additional properties 'unknown' not allowed"):
        chart(*BAKED_IN, "--set", f"{prefix}unknown=1")


def keys_of(schema: dict[str, Any], prefix: str = "") -> Iterator[str]:
    if "$ref" in schema:
        schema = SCHEMA["definitions"][schema["$ref"].rsplit("/", 1)[1]]
    for key, value in schema.get("properties", {}).items():
        yield f"{prefix}{key}"
        if not f"{prefix}{key}.".endswith(FREE):
            yield from keys_of(value, f"{prefix}{key}.")


def keys_in(values: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in values.items():
        yield f"{prefix}{key}"
        if isinstance(value, dict) and not f"{prefix}{key}.".endswith(FREE):
            yield from keys_in(value, f"{prefix}{key}.")


def test_it_has_the_keys_of_the_values():
    # Helm adds it to the values of a chart that is another's dependency.
    assert sorted(keys_of(SCHEMA)) == sorted([*keys_in(VALUES), "global"])


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("timeout=4", "'/timeout': minimum: got 4, want 5"),
        ("timeout=1m", "'/timeout': got string, want integer"),
        ("explainer.minReplicas=0", "'/explainer/minReplicas': minimum"),
        ("explainer.scaleMetric=rps", "'/explainer/scaleMetric': value must be one of"),
        ("explainer.args={-v}", "'/explainer/args/0': '-v' does not match"),
        ("model.pvc=pvc://claim/folder", "'/model/pvc': 'pvc://claim/folder' does not match"),
        ("model.uri=pvc://claim/folder", "'/model/uri': 'not' failed"),
        ("model.uri=bucket/folder", "'/model/uri': 'bucket/folder' does not match"),
        ("image.explainer=registry/explainer:1", "'/image/explainer': 'registry/explainer:1' does not match"),
        ("image.pullSecrets={registry}", "'/image/pullSecrets/0': got string, want object"),
        ("networkPolicy.scraperNamespace=A B", "'/networkPolicy/scraperNamespace'"),
        ("networkPolicy.clientNamespaces={A B}", "'/networkPolicy/clientNamespaces/0'"),
        ("networkPolicy.predictorEgress[0].from=x", "'/networkPolicy/predictorEgress/0': additional properties 'from'"),
        ("limits.maxRequestBody=64MB", "'/limits/maxRequestBody': '64MB' does not match"),
        ("limits.requestsPerSecond=0", "'/limits/requestsPerSecond': minimum"),
        ("apiKey.header=x y", "'/apiKey/header': 'x y' does not match"),
        ("predictor.resources.limits.cpu=null", "missing property 'cpu'"),
        ("explainer.resources.limits=null", "missing property 'limits'"),
        ("explainer.nodeSelector.arch=1", "'/explainer/nodeSelector/arch': got number, want string"),
        ("explainer.tolerations[0].effect=Never", "'/explainer/tolerations/0/effect': value must be one of"),
        ("explainer.tolerations[0].keys=x", "'/explainer/tolerations/0': additional properties 'keys' not allowed"),
        ("explainer.affinity.nodes.x=y", "'/explainer/affinity': additional properties 'nodes' not allowed"),
        ("explainer.runtimeClassName=A_B", "'/explainer/runtimeClassName': 'A_B' does not match"),
        ("test.shape={0}", "'/test/shape/0': minimum"),
    ],
)
def test_it_refuses_a_value_of_another_kind(value: str, said: str):
    with pytest.raises(Refused) as refused:
        chart(*BAKED_IN, "--set", value)
    assert said in str(refused.value)


def test_it_takes_an_accelerator():
    rendered = chart(*BAKED_IN, "--set", r"predictor.resources.limits.nvidia\.com/gpu=1")
    assert rendered.container("predictor")["resources"]["limits"]["nvidia.com/gpu"] == 1


def test_it_takes_what_helm_adds_to_a_dependency():
    assert chart(*BAKED_IN, "--set", "global.of=another").objects
