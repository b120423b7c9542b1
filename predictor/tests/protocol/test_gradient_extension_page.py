"""docs/gradient-extension.md: its examples are the recorded exchanges, and its code does what it says."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

ROOT = Path(__file__).parents[3]
CONTRACT = ROOT / "tests" / "contract"
PAGE = (ROOT / "docs" / "gradient-extension.md").read_text()
EXAMPLES = re.findall(r"<!-- exchange: ([\w/]+) (request|response) -->\n```json\n(.*?)```", PAGE, re.DOTALL)
PROGRAMS = dict(re.findall(r"<!-- run: (\w+) -->\n```python\n(.*?)```", PAGE, re.DOTALL))


def exchange(name):
    return json.loads((CONTRACT / f"{name}.json").read_text())


def program(name):
    scope = {}
    exec(compile(PROGRAMS[name], name, "exec"), scope)
    return scope


def test_every_block_of_json_and_python_on_the_page_is_checked():
    assert PAGE.count("```json") == len(EXAMPLES)
    assert PAGE.count("```python") == len(PROGRAMS) == 2


@pytest.mark.parametrize(("name", "side", "text"), EXAMPLES)
def test_an_example_is_what_was_recorded(name, side, text):
    assert json.loads(text) == exchange(name)[side]["json"]


def test_the_bytes_shown_are_those_recorded_and_mean_the_numbers_beside_them():
    shown = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    recorded = exchange("gradient_binary")
    for block, side in zip(shown, ("request", "response"), strict=True):
        digits = ""
        for line in block.splitlines():
            row, numbers = re.fullmatch(r"((?:[0-9a-f]{8} ?)+) +\w+, row \d: (.*)", line).groups()
            row = row.replace(" ", "")
            digits += row
            assert np.frombuffer(bytes.fromhex(row), "<f4").tolist() == [
                float(number) for number in numbers.split(", ")
            ]
        assert digits == recorded[side]["tensors_hex"]


def test_the_reference_gives_what_the_server_gives(server, mnist):
    infer = program("reference")["infer"]
    stages = [(stage.name, stage.module) for stage in mnist.stages]
    images = np.random.default_rng(0).random((12, 1, 28, 28), np.float32)
    cotangent = np.zeros((12, 10), np.float32)
    cotangent[:, 4] = 1
    outputs = infer(stages, "image", {"image": images, "cotangent": cotangent}, {})
    assert list(outputs) == ["logits", "gradient"]
    below = infer(stages, "image", {"image": images}, {"sink": "pool1"})["pool1"]
    above = infer(stages, "image", {"pool1": below, "cotangent": cotangent}, {"sink": "logits"})
    torch.testing.assert_close(above["logits"], outputs["logits"])
    with pytest.raises(ValueError, match="'conv1' does not come after 'pool1'"):
        infer(stages, "image", {"pool1": below}, {"sink": "conv1"})
    gradient_of_logit = program("client")["gradient_of_logit"]
    gradient = gradient_of_logit(f"{server.url}/v2/models/mnist/infer", "image", images, 10, target=4)
    np.testing.assert_array_equal(gradient, outputs["gradient"])
