"""The lock files are of what the packages ask for, in the versions that the tests run with, and name no index."""

from __future__ import annotations

import re
import subprocess
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from local.servers import ROOT
from tools import lock
from tools.lock import LOCKS, SHARED, read_requirements

PINS = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().split())
PINS = {canonicalize_name(name): version for name, version in PINS.items()}
IN_IMAGES = [name for name in LOCKS if name.endswith("/requirements.lock")]
SERVERS = ("predictor/requirements.lock", "explainer/requirements.lock")


def read_lock(name: str) -> dict[str, tuple[str, frozenset[str]]]:
    """A lock file's packages: their versions and hashes."""
    packages = {}
    for block in re.split(r"^(?=[a-z0-9])", (ROOT / name).read_text(), flags=re.MULTILINE)[1:]:
        requirement, *hashes = block.replace("\\", "").split()
        package, version = requirement.split("==")
        assert hashes
        assert all(re.fullmatch("--hash=sha256:[0-9a-f]{64}", one) for one in hashes)
        packages[canonicalize_name(package)] = version, frozenset(hashes)
    return packages


@pytest.mark.parametrize("name", LOCKS)
def test_it_has_what_is_asked_for_but_torch(name: str) -> None:
    packages = read_lock(name)
    assert "torch" not in packages
    for text in read_requirements(name):
        file = text.removeprefix("-r ")
        wanted = [text] if file == text else (ROOT / file).read_text().split()
        for requirement in map(Requirement, wanted):
            if requirement.name != "torch":
                version, _ = packages[canonicalize_name(requirement.name)]
                assert requirement.specifier.contains(version), "run `make lock`"


@pytest.mark.parametrize("name", IN_IMAGES)
def test_an_images_versions_are_the_constraints(name: str) -> None:
    versions = {package: version for package, (version, _) in read_lock(name).items()}
    assert versions == {package: PINS[package] for package in versions}, "run `make lock`"


@pytest.mark.parametrize("name", SERVERS)
def test_the_layer_that_servers_share_is_a_part_of_each(name: str) -> None:
    assert read_lock("serving/requirements.lock").items() <= read_lock(name).items()


@pytest.mark.parametrize("name", LOCKS)
def test_it_names_no_index_and_no_folder(name: str) -> None:
    assert not re.search(r"://|^-|/", (ROOT / name).read_text().partition("\n")[2].replace("--hash", ""), re.MULTILINE)


def test_a_releases_files_come_from_an_index_and_not_from_this_machines_folders(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[dict[str, str]] = []
    listing = "global.extra-index-url='file:/// https://example.com/simple'\n"
    told = subprocess.CompletedProcess([], 0, stdout=listing)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: told)
    monkeypatch.setattr(lock, "compile_lock", lambda _, variables: seen.append(variables) or pytest.skip("as expected"))
    monkeypatch.setenv("TORCH_INDEX", "https://example.com/cpu")
    with pytest.raises(pytest.skip.Exception):
        lock.main()
    assert seen[0]["UV_INDEX"] == "https://example.com/simple https://example.com/cpu"


def test_uvs_failure_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    failed: Any = subprocess.CompletedProcess([], 1, stdout="", stderr="no solution")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(SystemExit, match="no solution"):
        lock.compile_lock(["numpy"], {})


def test_shared_is_asked_for_by_both() -> None:
    _, further = SHARED
    assert {"torch", "jsonschema", "pillow"} == {*further}
