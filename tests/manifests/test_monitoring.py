"""What Prometheus is told: which pods to scrape, and alerts whose expressions are of metrics that the servers have."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.manifests.cases import NAME
from tests.manifests.rendering import COMPONENTS, MANIFESTS, Object, Rendered, chart, composed, kustomize
from tests.manifests.test_selectors import Pod, selected

BAKED_IN = ("--set", "model.bakedIn=0.1.0-mnist")
# In a process of each server's own, as it registers them: a sample's names, and the names of its labels.
REGISTERED = """
import {module}
from prometheus_client import REGISTRY
for collector in list(REGISTRY._collector_to_names):
    for name in REGISTRY._collector_to_names[collector]:
        print(name, *getattr(collector, "_labelnames", ()))
"""
MODULES = (
    "captum_explainer.server.metrics",
    "captum_predictor.server.metrics, captum_predictor.engine.chunk_metrics",
)
FROM_PROMETHEUS = {"namespace", "pod", "le"}


def alerts() -> list[Object]:
    (rule,) = kustomize(MANIFESTS / "alerts")
    (group,) = rule["spec"]["groups"]
    return group["rules"]


@pytest.fixture(scope="module")
def metrics() -> dict[str, set[str]]:
    """The names of both servers' samples, and of their labels."""
    found = {}
    for module in MODULES:
        program = REGISTERED.format(module=module)
        told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
        found |= {line.split()[0]: {*line.split()[1:]} for line in told.splitlines()}
    return found


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_an_alert_is_of_metrics_and_labels_that_the_servers_have(alert: Object, metrics: dict[str, set[str]]):
    names = re.findall(r"captum_\w+", alert["expr"])
    assert names
    assert {*names} <= metrics.keys()
    for name, matchers in re.findall(r"(captum_\w+)\{([^}]*)\}", alert["expr"]):
        assert {*re.findall(r"(\w+)=", matchers)} <= metrics[name]
    grouped = [label for by in re.findall(r"by \(([^)]*)\)", alert["expr"]) for label in by.split(", ")]
    assert {*grouped} <= FROM_PROMETHEUS


def test_an_alert_says_which_pod_and_what_to_do():
    for alert in alerts():
        assert "{{ $labels.namespace }}/{{ $labels.pod }}" in alert["annotations"]["description"]
        assert alert["annotations"]["summary"].endswith(".")
        assert alert["labels"]["severity"] in {"info", "warning"}
        assert alert["for"]


def test_each_alert_has_its_row_on_its_page():
    page = (MANIFESTS.parent / "docs" / "monitoring.md").read_text()
    assert re.findall(r"^\| `(Captum\w+)` \|", page, re.MULTILINE) == [alert["alert"] for alert in alerts()]


def test_a_monitor_scrapes_both_servers_at_the_port_that_is_announced(rendered: Rendered):
    for monitor in rendered.all("PodMonitor"):
        pods = selected(monitor["spec"]["selector"], rendered.name)
        assert pods == [Pod(rendered.name, component) for component in COMPONENTS]
        (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
        for component in COMPONENTS:
            announced = rendered.component(component)["annotations"]
            (port,) = [one for one in rendered.container(component)["ports"] if one["name"] == endpoint["port"]]
            assert str(port["containerPort"]) == announced["prometheus.io/port"]
            assert endpoint["path"] == announced["prometheus.io/path"]


def test_they_can_have_the_labels_that_a_prometheus_asks_for():
    sets = [("--set", f"{key}.{value}") for key in ("podMonitor", "alerts") for value in ("enabled=true", "labels.a=b")]
    rendered = chart(*BAKED_IN, *(argument for pair in sets for argument in pair))
    for kind in ("PodMonitor", "PrometheusRule"):
        (one,) = rendered.all(kind)
        assert one["metadata"]["labels"]["a"] == "b"


def test_the_monitor_is_among_what_is_rendered():
    assert len(composed(NAME, ("pod-monitor",)).all("PodMonitor")) == 1
