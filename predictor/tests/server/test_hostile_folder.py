"""A server whose working directory is a model's folder with modules in it: none of them is imported."""

import json
import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("safe", "sentence"),
    [
        (["-P"], "the module 'own_network' of --architectures could not be imported (ModuleNotFoundError"),
        ([], "is on Python's import path, expected a folder that no module is imported from: start python -P"),
    ],
)
def test_no_module_of_the_folder_is_imported(own_directory, mnist_document, safe, sentence):
    (own_directory / "own_network.py").write_text("open('sprung', 'w')\n")
    document = {**mnist_document, "architecture": "own_network:Net"}
    (own_directory / "model.json").write_text(json.dumps(document))
    command = [sys.executable, *safe, "-m", "captum_predictor", "--model_dir=.", "--architectures=own_network"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    ended = subprocess.run(
        command, cwd=own_directory, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    assert sentence in ended.stderr
    assert not (own_directory / "sprung").exists()
