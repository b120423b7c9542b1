"""When `make setup` installs, from nothing or over what is there, and by which tool."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tools import install

SetUp = Callable[..., list[str]]


@pytest.fixture
def set_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SetUp:
    """Runs the set-up with nothing installed in truth; returns the names of the steps that it took."""
    monkeypatch.setattr(install, "MARKER", tmp_path / "installed")
    monkeypatch.setattr(install, "VENV", tmp_path)

    def run(*, whole: bool = True, uv: bool = True) -> list[str]:
        steps: list[str] = []

        def note(step: str, result: bool = True) -> Callable[..., bool]:
            return lambda *_, **__: steps.append(step) or result

        monkeypatch.setattr(install, "is_whole", lambda *_: whole)
        monkeypatch.setattr(subprocess, "run", note("venv"))
        monkeypatch.setattr(install, "install_by_uv", note("uv", uv))
        monkeypatch.setattr(install, "install_by_pip", note("pip"))
        install.main()
        return steps

    return run


def test_the_first_set_up_makes_the_environment_by_uv(set_up: SetUp) -> None:
    assert set_up() == ["venv", "uv"]


def test_a_second_set_up_does_nothing(set_up: SetUp) -> None:
    set_up()
    assert set_up() == []


def test_a_damaged_environment_is_made_from_nothing(set_up: SetUp) -> None:
    set_up()
    assert set_up(whole=False) == ["venv", "uv"]


def test_changed_requirements_are_installed_over_what_is_there(set_up: SetUp, monkeypatch: pytest.MonkeyPatch) -> None:
    set_up()
    monkeypatch.setattr(install, "digest_inputs", lambda: "other")
    assert set_up() == ["uv"]


def test_an_empty_marker_says_nothing_of_what_is_installed(set_up: SetUp) -> None:
    install.MARKER.touch()
    assert set_up() == ["uv"]


def test_where_uv_fails_pip_installs(set_up: SetUp, capsys: pytest.CaptureFixture[str]) -> None:
    assert set_up(uv=False) == ["venv", "uv", "pip"]
    assert "pip does" in capsys.readouterr().out


def test_a_set_up_that_fails_leaves_no_marker(set_up: SetUp, monkeypatch: pytest.MonkeyPatch) -> None:
    set_up()
    monkeypatch.setattr(install, "digest_inputs", lambda: "other")
    monkeypatch.setattr(install, "list_records", lambda _: pytest.fail("interrupted"))
    with pytest.raises(pytest.fail.Exception):
        set_up()
    assert not install.MARKER.exists()


@pytest.mark.parametrize(
    ("index", "named"), [("https://a.com/cpu", {"UV_DEFAULT_INDEX": "https://a.com/cpu"}), ("", {})]
)
def test_torch_comes_from_its_index(index: str, named: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_INDEX", index)
    ran: list[tuple[list[str], dict[str, str]]] = []
    listing = subprocess.CompletedProcess([], 0, stdout="global.find-links='https://a.com/wheels'\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: listing)
    monkeypatch.setattr(install, "run", lambda command, variables: ran.append((command, variables)) or True)
    assert install.install_by_uv()
    (_, _), (torch, torch_variables), (_, everything_variables), _ = ran
    assert torch[-1] == "torch"
    assert torch_variables == everything_variables | named
    assert everything_variables["UV_FIND_LINKS"] == "https://a.com/wheels"
    assert "UV_DEFAULT_INDEX" not in everything_variables


@pytest.mark.parametrize("forbidden", [True, False])
def test_uv_compiles_where_python_may_not_write_what_it_compiled(
    forbidden: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", forbidden)
    ran: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, stdout=""))
    monkeypatch.setattr(install, "run", lambda command, _: ran.append(command) or True)
    assert install.install_by_uv()
    everything = next(command for command in ran if "explainer" in command)
    assert ("--compile-bytecode" in everything) is forbidden
