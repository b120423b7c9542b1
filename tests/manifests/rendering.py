"""What kustomize and Helm render, as objects."""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from local.servers import ROOT
from tests.manifests.programs import run

MANIFESTS = ROOT / "manifests"
CHART = ROOT / "charts" / "kserve-captum"
COMPONENTS = ("predictor", "explainer")

Object = dict[str, Any]


@dataclass(frozen=True)
class Rendered:
    """The objects of one InferenceService, and the service's name and namespace."""

    name: str
    namespace: str
    objects: list[Object]

    def all(self, kind: str) -> list[Object]:
        return [one for one in self.objects if one["kind"] == kind]

    def one(self, kind: str, name: str) -> Object:
        (found,) = [one for one in self.all(kind) if one["metadata"]["name"] == name]
        return found

    def component(self, component: str) -> Object:
        """An InferenceService's predictor or explainer."""
        return self.one("InferenceService", self.name)["spec"][component]

    def container(self, component: str) -> Object:
        (found,) = self.component(component)["containers"]
        return found


@cache
def kustomize(folder: Path) -> list[Object]:
    return _objects(run("kubectl", "kustomize", str(folder)))


def overlay(name: str) -> Rendered:
    objects = kustomize(MANIFESTS / "overlays" / name)
    (service,) = [one for one in objects if one["kind"] == "InferenceService"]
    return Rendered(service["metadata"]["name"], service["metadata"]["namespace"], objects)


@cache
def composed(name: str, components: tuple[str, ...]) -> Rendered:
    """The base under another name, with components in this order, as an overlay has them."""
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder).resolve()
        here = os.path.relpath(MANIFESTS, top)
        _write(
            top / "service",
            resources=[f"../{here}/base"],
            patches=[_replace("InferenceService", "/metadata/name", name)],
        )
        _write(
            top,
            resources=["service"],
            components=[f"{here}/components/{component}" for component in components],
            patches=[_replace("HTTPRoute", "/spec/hostnames", [f"{name}-default.example.com"])],
        )
        return Rendered(name, "default", _objects(run("kubectl", "kustomize", str(top))))


def _write(folder: Path, **content: Any) -> None:
    folder.mkdir(exist_ok=True)
    head = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "namespace": "default"}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump({**head, **content}))


def _replace(kind: str, path: str, value: Any) -> Object:
    return {"target": {"kind": kind}, "patch": yaml.safe_dump([{"op": "replace", "path": path, "value": value}])}


@cache
def chart(*arguments: str, name: str = "mnist", namespace: str = "default") -> Rendered:
    """What a release has, without the pods of `helm test`."""
    rendered = run("helm", "template", name, str(CHART), "--namespace", namespace, "--skip-tests", *arguments)
    return Rendered(name, namespace, _objects(rendered))


@cache
def chart_tests(*arguments: str, name: str = "mnist", namespace: str = "default") -> list[Object]:
    """What `helm test` brings."""
    only = ("--show-only", "templates/tests/*.yaml")
    return _objects(run("helm", "template", name, str(CHART), "--namespace", namespace, *only, *arguments))


def _objects(rendered: str) -> list[Object]:
    return [one for one in yaml.safe_load_all(rendered) if one is not None]


def seconds(duration: str) -> int:
    found = re.fullmatch(r"(\d+)s", duration)
    assert found, f"expected seconds, got {duration}"
    return int(found[1])
