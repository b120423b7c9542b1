"""One version, wherever it is stated."""

from __future__ import annotations

import re
import tomllib

import pytest

from local.servers import ROOT

(VERSION,) = re.findall(r"^VERSION=(.+)$", (ROOT / "cluster" / "image-names").read_text(), flags=re.MULTILINE)
NAMING = [
    "manifests/base/inferenceservice.yaml",
    "manifests/components/model-baked-in/kustomization.yaml",
    "manifests/runtime/clusterservingruntime.yaml",
    "charts/kserve-captum/ci/kind-mnist.yaml",
    "charts/kserve-captum/ci/kind-fashion-mnist.yaml",
]


@pytest.mark.parametrize("package", ["serving", "predictor", "explainer"])
def test_a_packages_version_is_the_images(package: str):
    assert tomllib.loads((ROOT / package / "pyproject.toml").read_text())["project"]["version"] == VERSION


@pytest.mark.parametrize("key", ["version", "appVersion"])
def test_the_charts_version_is_the_images(key: str):
    chart = (ROOT / "charts" / "kserve-captum" / "Chart.yaml").read_text()
    assert re.findall(rf"^{key}: (.+)$", chart, flags=re.MULTILINE) == [VERSION]


@pytest.mark.parametrize("path", NAMING)
def test_the_manifests_tags_are_the_images(path: str):
    tags = re.findall(r"(?:kserve-captum/\w+:|bakedIn: )(\d[\d.]*\d)", (ROOT / path).read_text())
    assert set(tags) == {VERSION}
