"""The images' Dockerfiles and locks: what both servers share, and that nothing is installed that no lock has."""

from __future__ import annotations

import re

import pytest

from local.servers import ROOT

SERVERS = ("predictor", "explainer")
IMAGES = (*SERVERS, "client")
CONSTRAINTS = (ROOT / "constraints.txt").read_text().splitlines()


def common(server: str) -> str:
    """The Dockerfile's text to the end of the stage `common`, without the header before it."""
    text = (ROOT / server / "Dockerfile").read_text()
    (stage,) = re.findall(r"^(FROM \S+ AS common\n.*?)^FROM ", text, flags=re.MULTILINE | re.DOTALL)
    return stage


def test_the_largest_layer_is_shared():
    # BuildKit takes a layer from its cache where the instructions and what they copy are the same to the letter.
    predictor, explainer = (common(server) for server in SERVERS)
    assert predictor == explainer


def test_the_largest_layer_copies_neither_servers_source():
    copied = re.findall(r"^COPY (.+) \S+$", common("predictor"), flags=re.MULTILINE)
    assert copied == ["serving/requirements.lock"]


def dockerfile(image: str) -> str:
    return (ROOT / image / "Dockerfile").read_text()


def instructions(image: str) -> list[str]:
    """One a line, without comments."""
    lines = [line for line in dockerfile(image).splitlines() if not line.lstrip().startswith("#")]
    return [" ".join(one.split()) for one in "\n".join(lines).replace("\\\n", " ").splitlines() if one.strip()]


@pytest.mark.parametrize("image", IMAGES)
def test_every_stage_begins_from_the_one_base_or_another_stage(image: str):
    stages = [re.fullmatch(r"FROM (\S+)(?: AS (\S+))?", one) for one in instructions(image) if one.startswith("FROM ")]
    known = {"${BASE_IMAGE}", "scratch", "model-${MODEL_DIR:+baked-in}"}
    for stage in stages:
        assert stage
        assert stage[1] in known
        known.add(stage[2])
    assert "ARG BASE_IMAGE=python:3.11-slim-bookworm" in instructions(image)


@pytest.mark.parametrize("image", IMAGES)
def test_packages_are_installed_by_a_lock_with_hashes_or_are_ours(image: str):
    installs = [
        part for one in instructions(image) for part in one.split(" && ") if re.search(r"\bpip .*install ", part)
    ]
    for install in installs:
        if "torch" in install:  # a step of its own
            continue
        assert "--no-deps" in install
        ours = "--no-index" in install and install.endswith("/build/wheels/*")
        assert ours or "--require-hashes -r /build/" in install
    assert [one for one in installs if "--require-hashes -r /build/requirements.lock" in one]


@pytest.mark.parametrize("server", SERVERS)
def test_our_packages_are_built_by_what_is_locked(server: str):
    (build,) = [one for one in instructions(server) if "pip wheel" in one]
    assert {"--no-index", "--no-deps", "--no-build-isolation"} <= {*build.split()}


def test_torch_is_the_version_of_the_constraints():
    for server in SERVERS:
        (version,) = re.findall(r"^ARG TORCH_VERSION=(.+)$", dockerfile(server), flags=re.MULTILINE)
        assert f"torch=={version}" in CONSTRAINTS


def test_a_server_imports_nothing_from_its_working_directory():
    # A model's folder could be that.
    for server in SERVERS:
        assert re.search(r"^ENV .*\bPYTHONSAFEPATH=1\b", (ROOT / server / "Dockerfile").read_text(), flags=re.MULTILINE)
