"""`compare`: the other checkout's servers run its own sources, and each value is put down to its checkout."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import urllib3

from bench import compare
from bench.harness.run import Options, Run
from local.servers import SOURCES, running


def test_a_server_runs_the_sources_of_its_checkout(tmp_path: Path) -> None:
    package = tmp_path / "predictor" / "src" / "captum_predictor"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()  # a folder without it would give way to the installed package
    (package / "__main__.py").write_text("print('here:', __file__)\n")
    log = tmp_path / "log"
    with running("captum_predictor", log, checkout=tmp_path) as server:
        server.process.wait(30)
    assert f"here: {package / '__main__.py'}" in log.read_text()


def test_a_folder_that_is_no_checkout_is_refused(tmp_path: Path) -> None:
    for source in SOURCES[:-1]:
        (tmp_path / source).mkdir(parents=True)
    with pytest.raises(SystemExit, match=r"--other: .* has no folder explainer/src; expected a checkout"):
        compare.check_checkout(tmp_path)
    (tmp_path / SOURCES[-1]).mkdir(parents=True)
    assert compare.check_checkout(tmp_path) == tmp_path.resolve()


def test_a_round_measures_both_pairs(start_pair) -> None:
    pairs = {compare.THIS: start_pair("mnist", 1), compare.OTHER: start_pair("mnist", 1)}
    found: compare.Found = {what: {which: [] for which in pairs} for what in compare.SUMMARIES}
    with urllib3.PoolManager(retries=False) as client:
        run = Run("compare", 1, Options())
        compare.measure_round(run, pairs, client, found, calls=2, seconds=0.2, predictions=4)
    for what, which in itertools.product(compare.SUMMARIES, pairs):
        (values,) = found[what][which]
        assert len(values) == (2 if what == compare.RATE else 4)
        assert min(values) > 0


def test_the_figures_are_each_checkouts_own() -> None:
    by_checkout = {compare.THIS: [[2.0, 2.0], [3.0, 3.0]], compare.OTHER: [[4.0, 4.0], [2.0, 2.0]]}
    row = compare.summarize(compare.RATE, by_checkout)
    assert row == {
        "unit": "a second",
        "this": 2.5,
        "other": 3.0,
        "ratio": 2.5 / 3,
        "ratio_min": 0.5,
        "ratio_max": 1.5,
    }
