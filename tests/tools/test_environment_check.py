"""When a virtual environment is whole."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.environment_check import is_whole, list_records

SITE = Path("lib/python3.11/site-packages")


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """An environment with one package of a module and a command, and the interpreter of the tests."""
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    (tmp_path / "bin" / "tool").touch()
    site = tmp_path / SITE
    (site / "tool-1.0.dist-info").mkdir(parents=True)
    (site / "tool.py").touch()
    (site / "a,b.txt").touch()
    files = ("tool.py,sha256=x,0", '"a,b.txt",,', "__pycache__/tool.cpython-311.pyc,,", "../../../bin/tool,,")
    (site / "tool-1.0.dist-info" / "RECORD").write_text("\n".join(files))
    return tmp_path


def test_an_environment_with_all_its_files_is_whole(venv: Path) -> None:
    records = list_records(venv)
    assert records == [f"{SITE}/tool-1.0.dist-info/RECORD"]
    assert is_whole(venv, records)


@pytest.mark.parametrize(
    "damage",
    [
        lambda venv: (venv / "bin" / "python").unlink(),
        lambda venv: (venv / "bin" / "python").write_text("#!/bin/sh\nexit 1\n"),
        lambda venv: (venv / "bin" / "python").chmod(0o644),
        lambda venv: (venv / "bin" / "tool").unlink(),
        lambda venv: (venv / SITE / "a,b.txt").unlink(),
        lambda venv: shutil.rmtree(venv / SITE / "tool-1.0.dist-info"),
        lambda venv: shutil.rmtree(venv),
    ],
    ids=["no interpreter", "failing interpreter", "not executable", "no command", "no data", "no record", "nothing"],
)
def test_a_damaged_environment_is_not_whole(damage: Callable[[Path], object], venv: Path) -> None:
    records = list_records(venv)
    damage(venv)
    assert not is_whole(venv, records)


def test_a_record_that_is_wrong_from_the_start_is_not_held_against_the_environment(venv: Path) -> None:
    alibi = venv / "alibi" / "dill-1.0.dist-info"
    alibi.mkdir(parents=True)
    (alibi / "RECORD").write_text("../../bin/not_there,,\n")
    records = list_records(venv)
    assert records == [f"{SITE}/tool-1.0.dist-info/RECORD"]
    assert is_whole(venv, records)
