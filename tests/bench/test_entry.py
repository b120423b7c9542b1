"""`python -m bench`: it lists at once what can be measured, refuses at once what cannot, and writes results."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench import __main__ as entry
from bench.harness.result import Result, read_result, write_table
from local.servers import ROOT

NAMES = ["acceleration", "accuracy", "aix", "compare", "cost", "gateway", "images", "load", "replicas", "start", "text"]
ROWS = [{"model": "mnist", "p50_ms": 12.34567, "images": 16}, {"model": "fashion-mnist", "p50_ms": None, "images": 1}]


@pytest.mark.parametrize("arguments", [[], ["--help"]], ids=["nothing", "--help"])
def test_it_lists_every_measurement_without_importing_one(arguments: list[str]) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "bench", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "bench.harness.run" in imported
    assert not {"torch", "bench.load"} & imported
    for name in NAMES:
        assert f"\n  {name} " in done.stdout


def test_every_measurement_has_one_sentence() -> None:
    found = entry.find_measurements()
    assert list(found) == NAMES
    assert all(sentence.endswith(".") and len(sentence) > 40 for sentence in found.values()), found


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lod"], "'lod' is not known; did you mean 'load'? Known: acceleration,"),
        (["load", "--rounds", "0"], "--rounds: got 0, expected at least 1"),
        (["load", "cost", "--output", "x.json"], "--output: got 2 measurements, expected one"),
        (["compare"], "compare: expected --other CHECKOUT"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        entry.main(arguments)
    assert refused.value.code == 2
    assert message in capsys.readouterr().err


def test_it_shows_the_progress_and_writes_the_result(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(run):
        run.expect(run.rounds)
        for _ in range(run.rounds):
            with run.step("mnist"):
                pass
        return ROWS

    monkeypatch.setattr(entry, "import_module", lambda name: SimpleNamespace(ROUNDS=3, measure=measure))
    path = tmp_path / "load.json"
    assert entry.main(["load", "--output", str(path)]) == 0
    said = capsys.readouterr()
    assert "load: 3 of 3" in said.err
    assert "left" in said.err
    assert write_table(ROWS) in said.out
    result = read_result(path)
    assert (result.name, result.rounds) == ("load", 3)
    assert result.rows == [ROWS[0] | {"p50_ms": 12.35}, ROWS[1]]
    assert result.versions.keys() == {"python", "torch", "captum", "kserve", "kserve-captum"}


def test_a_table_has_a_line_for_each_row_and_numbers_to_the_right() -> None:
    assert write_table(ROWS).splitlines() == [
        "| model | p50 ms | images |",
        "| --- | ---: | ---: |",
        "| mnist | 12.3 | 16 |",
        "| fashion-mnist |  | 1 |",
    ]


@pytest.mark.parametrize("path", sorted(entry.RESULTS.glob("*.json")), ids=lambda path: path.name)
def test_a_result_that_is_kept_follows_the_schema(path: Path) -> None:
    result: Result = read_result(path)
    assert result.name == path.stem
    assert result.name in NAMES
    assert result.rows
    assert all(row.keys() == result.rows[0].keys() for row in result.rows)
    values = [value for row in result.rows for value in row.values()]
    assert all(value is None or isinstance(value, str | int | float) for value in values)
