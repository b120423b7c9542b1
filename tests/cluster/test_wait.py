"""When a Deployment carries what was applied, and when its rollout is complete."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from cluster.wait import Expected, carries, missing_of_rollout
from local.servers import ROOT

BASE = yaml.safe_load((ROOT / "manifests" / "base" / "inferenceservice.yaml").read_text())["spec"]
EXPLAINER = BASE["explainer"]


def template() -> dict[str, Any]:
    """The pod template that KServe makes of the base's explainer: with flags, variables and defaults of its own."""
    pod = copy.deepcopy({key: value for key, value in EXPLAINER.items() if key not in ("minReplicas", "maxReplicas")})
    del pod["timeout"], pod["annotations"]
    pod["containers"][0]["args"] += ["--model_name", "mnist", "--http_port", "8080"]
    pod["containers"][0]["env"] = [{"name": "INFERENCE_SERVICE_NAME", "value": "mnist"}]
    pod["containers"][0]["readinessProbe"]["successThreshold"] = 1
    pod["containers"][0]["resources"]["limits"]["cpu"] = "1000m"
    pod["dnsPolicy"] = "ClusterFirst"
    return {"metadata": {"labels": {"component": "explainer"}}, "spec": pod}


def test_what_kserve_adds_is_no_difference() -> None:
    assert carries(template(), EXPLAINER)


def test_a_list_that_is_empty_may_be_left_out() -> None:
    wanted = copy.deepcopy(EXPLAINER)
    wanted["containers"][0]["command"] = []
    assert carries(template(), wanted)


CHANGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "image": lambda one: one["containers"][0].update(image="kserve-captum/explainer:0.2.0"),
    "argument": lambda one: one["containers"][0]["args"].append("--concurrency=4"),
    "argument's value": lambda one: one["containers"][0].update(args=["--deadline_seconds=30", "--workers=1"]),
    "argument that goes": lambda one: one["containers"][0]["args"].pop(),
    "all arguments go": lambda one: one["containers"][0].pop("args"),
    "environment": lambda one: one["containers"][0].update(env=[{"name": "KSERVE_LOGLEVEL", "value": "DEBUG"}]),
    "limit": lambda one: one["containers"][0]["resources"]["limits"].update(cpu="2"),
    "grace": lambda one: one.update(terminationGracePeriodSeconds=310),
    "security": lambda one: one["securityContext"].update(runAsUser=1001),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_that_is_not_there_yet_is_seen(change: str) -> None:
    wanted = copy.deepcopy(EXPLAINER)
    CHANGES[change](wanted)
    assert not carries(template(), wanted)


def test_a_variable_that_is_to_go_is_seen() -> None:
    deployed = template()
    deployed["spec"]["containers"][0]["env"].append({"name": "OLD", "value": "1"})
    assert not carries(deployed, EXPLAINER)


def test_a_model_by_its_format_is_compared_by_what_its_container_has() -> None:
    wanted = {"model": {"modelFormat": {"name": "captum-pytorch"}, "args": ["--deadline_seconds=58"]}}
    assert carries(template(), wanted)
    wanted["model"]["args"] = ["--lanes=4"]
    assert not carries(template(), wanted)


def deployment(**status: int) -> dict[str, Any]:
    whole = {"observedGeneration": 3, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}
    return {"metadata": {"generation": 3}, "spec": {"replicas": 2}, "status": whole | status}


@pytest.mark.parametrize(
    ("status", "least", "sentence"),
    [
        ({}, 1, None),
        ({"observedGeneration": 2}, 1, "Deployment x has not been looked at since its change"),
        ({}, 3, "Deployment x has 2 of 3 pods"),
        ({"updatedReplicas": 1}, 1, "Deployment x: 1 of 2 pods are updated"),
        ({"availableReplicas": 0}, 1, "Deployment x: 0 of 2 pods are available"),
        ({"replicas": 3}, 1, "Deployment x: 1 old pods are left"),
    ],
)
def test_what_a_rollout_is_missing_is_said(status: dict[str, int], least: int, sentence: str | None) -> None:
    assert next(missing_of_rollout("x", deployment(**status), least), None) == sentence


def test_a_deployment_without_a_status_is_not_complete() -> None:
    bare = {"metadata": {"generation": 1}, "spec": {}}
    assert next(missing_of_rollout("x", bare, 1)) == "Deployment x has not been looked at since its change"


def test_a_services_main_host_is_kserves() -> None:
    assert Expected("models", "fashion-mnist", "http://127.0.0.1:8080").host == "fashion-mnist-models.example.com"
