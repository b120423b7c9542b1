"""The chart and kustomize render to the same objects, but for the labels that say whose Helm's are."""

from __future__ import annotations

from copy import deepcopy

import pytest

from tests.manifests.cases import (
    ALL_COMPONENTS,
    CHARTS,
    COMPOSITIONS,
    MODELS,
    NAME,
    OVERLAYS,
    VALUES,
    chart_with,
    in_order,
)
from tests.manifests.rendering import MANIFESTS, Object, chart, composed, kustomize, overlay

# Without a model the chart renders nothing.
WITH_A_MODEL = [one if {*one} & {*MODELS} else in_order(["model-baked-in", *one]) for one in COMPOSITIONS]
HELMS = {"app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/managed-by"}


def normalized(objects: list[Object]) -> dict[tuple[str, str], Object]:
    """By kind and name, without Helm's labels."""
    by_name = {}
    for one in deepcopy(objects):
        metadata = one["metadata"]
        labels = {key: value for key, value in metadata.pop("labels", {}).items() if key not in HELMS}
        by_name[one["kind"], metadata["name"]] = {
            **one,
            "metadata": {**metadata, **({"labels": labels} if labels else {})},
        }
    return by_name


def test_each_overlay_has_its_values():
    assert sorted(CHARTS) == OVERLAYS


@pytest.mark.parametrize("name", OVERLAYS)
def test_it_renders_what_the_overlay_does(name: str):
    assert normalized(CHARTS[name]().objects) == normalized(overlay(name).objects)


def test_each_component_has_its_values():
    assert sorted(VALUES) == ALL_COMPONENTS


@pytest.mark.parametrize("components", WITH_A_MODEL, ids=" + ".join)
def test_its_values_add_what_the_components_do(components: tuple[str, ...]):
    assert normalized(chart_with(components).objects) == normalized(composed(NAME, components).objects)


@pytest.mark.parametrize("name", OVERLAYS)
def test_helm_says_whose_the_objects_are(name: str):
    for one in CHARTS[name]().objects:
        assert set(one["metadata"]["labels"]) == HELMS


@pytest.mark.parametrize(("value", "kind"), [("runtime", "ClusterServingRuntime"), ("alerts", "PrometheusRule")])
def test_it_renders_what_there_is_once_a_cluster_when_that_is_on(value: str, kind: str):
    # A release brings it in its own namespace.
    rendered = chart("--set", "model.bakedIn=0.1.0-mnist", "--set", f"{value}.enabled=true", namespace="monitoring")
    assert normalized(rendered.all(kind)) == normalized(kustomize(MANIFESTS / value))
