"""The first gradient finds all there that it needs: whoever asks for it waits no longer than others."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

MODELS = Path(__file__).parents[3] / "models"
PROGRAM = """
import json, sys, warnings
warnings.simplefilter("ignore")
from pathlib import Path
import captum_predictor.server.serve
from captum_predictor.kinds.load import load_kind
from captum_predictor.engine.run import run_with_gradient
import torch
model = load_kind(Path(sys.argv[1]), "cpu").model
segment = model.find_segment(model.input_name, None)
before = set(sys.modules)
rows = torch.rand(2, *model.input_shape)
run_with_gradient(segment, segment, rows, {}, lambda values: torch.ones_like(values[segment.sink.name]))
print(json.dumps(sorted(set(sys.modules) - before)))
"""


@pytest.mark.parametrize("name", ["fashion-mnist", "mnist"])
def test_the_first_gradient_imports_nothing(name):
    command = [sys.executable, "-c", PROGRAM, MODELS / name]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert json.loads(found) == []
