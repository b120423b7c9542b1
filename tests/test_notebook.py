"""The notebook of the examples runs, and what is saved in it is what it says."""

from __future__ import annotations

import os
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

from local.servers import ROOT, Pair

NOTEBOOK = ROOT / "examples" / "captum-in-a-notebook.ipynb"
NUMBER = r"-?\d+\.\d+"


def outputs(notebook: NotebookNode) -> list[tuple[int, str, str]]:
    """The cell, the kind and the text of each output; of a figure, that there is one."""
    return [
        (number, output.output_type, output.get("text") or output["data"]["text/plain"])
        for number, cell in enumerate(notebook.cells)
        for output in cell.get("outputs", [])
    ]


@pytest.mark.parametrize("pair", ["fashion-mnist"], indirect=True)
def test_it_runs_and_gives_what_is_saved(pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREDICTOR_URL", pair.predictor.url)
    # This environment's kernel, and nothing of whoever runs the tests.
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
    for variable in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(variable, str(tmp_path / variable.lower()))
    saved, run = (nbformat.read(NOTEBOOK, as_version=4) for _ in range(2))
    resources = {"metadata": {"path": str(NOTEBOOK.parent)}}
    NotebookClient(run, timeout=120, kernel_name="python3", resources=resources, coalesce_streams=True).execute()
    assert len(outputs(saved)) == len(outputs(run)) >= 5
    for (number, kind, text), got in zip(outputs(saved), outputs(run), strict=True):
        assert (number, kind, re.sub(NUMBER, "*", text)) == (got[0], got[1], re.sub(NUMBER, "*", got[2]))
        # Infidelity is a mean of squares, of pictures in which pixels are left out by chance.
        expected = [float(value) for value in re.findall(NUMBER, text)]
        assert [float(value) for value in re.findall(NUMBER, got[2])] == pytest.approx(expected, rel=0.02)


def test_nothing_of_this_machine_is_saved() -> None:
    text = NOTEBOOK.read_text()
    assert str(ROOT) not in text
    assert os.path.expanduser("~") not in re.sub(r'"image/png": ".*?"', "", text)
    assert "stderr" not in text
    assert len(text) < 100_000
