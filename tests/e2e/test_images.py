"""The images as they were built."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest
from packaging.utils import canonicalize_name

from local.servers import ROOT

BASE = "python:3.11-slim-bookworm"
PREDICTOR, EXPLAINER, CLIENT = (f"kserve-captum/{name}:0.1.0" for name in ("predictor", "explainer", "client"))
LEFT_OVERS = "command -v gcc cc g++; ls /opt/venv/bin/pip /root/.cache/pip /build 2>/dev/null; true"


def docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=60, check=True).stdout


def inspect(image: str) -> dict[str, Any]:
    (document,) = json.loads(docker("image", "inspect", image))
    return document


def layers(image: str) -> list[str]:
    return inspect(image)["RootFS"]["Layers"]


def test_both_servers_share_the_layer_that_has_torch() -> None:
    shared = len(layers(BASE)) + 1
    assert layers(PREDICTOR)[:shared] == layers(EXPLAINER)[:shared]
    has_torch = "import torch; print(torch.__version__)"
    assert docker("run", "--rm", "--network", "none", "--entrypoint", "python", PREDICTOR, "-c", has_torch)
    # All but a sixth of the predictor is in it: transformers is the predictor's alone.
    own = inspect(PREDICTOR)["Size"] - inspect(BASE)["Size"]
    sizes = docker("history", "--human=false", "--format", "{{.Size}}", PREDICTOR).split()
    assert max(map(int, sizes)) > 5 / 6 * own


def test_a_baked_in_model_is_the_only_difference() -> None:
    plain = layers(PREDICTOR)
    assert layers(f"{PREDICTOR}-mnist")[: len(plain)] == plain


@pytest.mark.parametrize("image", [PREDICTOR, EXPLAINER, CLIENT])
def test_an_image_runs_as_an_ordinary_user_and_keeps_no_tools(image: str) -> None:
    config = inspect(image)["Config"]
    assert config["User"] == "1000:1000"
    assert config["Labels"]["org.opencontainers.image.title"].startswith("kserve-captum ")
    assert docker("run", "--rm", "--network", "none", "--entrypoint", "sh", image, "-c", LEFT_OVERS) == ""


@pytest.mark.parametrize("image", ["predictor", "explainer", "client"])
def test_the_list_of_an_images_packages_is_its_lock(image: str) -> None:
    document = json.loads((ROOT / "build" / "sbom" / image / "sbom.json").read_text())
    assert document["bomFormat"] == "CycloneDX"
    listed = {canonicalize_name(one["name"]): one["version"] for one in document["components"]}
    locked = re.findall(r"^(\S+)==(\S+) ", (ROOT / image / "requirements.lock").read_text(), re.MULTILINE)
    expected = dict(locked)
    more = {} if image == "client" else {"torch", "kserve-captum-serving", f"kserve-captum-{image}"}
    assert listed.keys() - expected.keys() == {*more}
    assert {name: listed[name] for name in expected} == expected
