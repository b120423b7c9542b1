"""Networks of a user's own behind both servers: every method that is offered has the bits of Captum in process.

Two are those of docs/your-own-model.md, saved by the page's own code; the third is of tests/networks.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
import torch
from captum_explainer.catalogue.catalogue import catalogue
from captum_explainer.predictor_client.description import Access
from captum_predictor.model.saving import save_model
from torch import nn

from local.servers import ROOT, Pair, running_pair, tell_to_end
from tests.support.explaining import ask
from tests.support.reference import Network, attributions, load_network

pytestmark = pytest.mark.usefixtures("one_thread")

NETWORKS = ROOT / "tests" / "networks"
PAGE = (ROOT / "docs" / "your-own-model.md").read_text()
LARGE = {
    "kind": "image",
    "architecture": "large_network:LargeNetwork",
    "labels": ["a", "b", "c", "d", "e"],
    "input": {"name": "picture", "shape": [3, 224, 224], "range": [0.0, 1.0], "baseline": 0.5},
    "normalization": {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4]},
}


def save_from_page(title: str) -> Callable[[Path], None]:
    """Saves a model as the page's section says, with its files in the folder."""
    section = next(part for part in PAGE.split("\n## ") if part.startswith(title))

    def save(folder: Path) -> None:
        program = []
        for block in re.findall(r"```python\n(.*?)```", section, re.DOTALL):
            if file := re.match(r"# (\w+\.py)\n", block):
                (folder / file[1]).write_text(block)
            else:
                program.append(block)
        subprocess.run([sys.executable, "-c", "\n".join(program)], cwd=folder, check=True, timeout=120)

    return save


def save_large(folder: Path) -> None:
    from large_network import LargeNetwork

    torch.manual_seed(0)
    network = LargeNetwork()
    for _ in range(5):
        network(torch.randn(8, 3, 224, 224))  # the running statistics
    with torch.no_grad():
        network.logits.weight *= 20  # untrained, it would say so little that the lasso would say nothing
    save_model(network, folder / "models" / "large", LARGE)


SAVED = {
    "colour": save_from_page("A chain"),
    "branching": save_from_page("Any other module"),
    "large": save_large,
}
ACCESS = {"colour": Access.STRUCTURE, "branching": Access.GRADIENTS, "large": Access.STRUCTURE}
WINDOWS = {name: {"sliding_window_shapes": size} for name, size in (("colour", 9), ("branching", 5), ("large", 64))}
# Of the others all.
LAYERS = {"large": ("normalization", "norm1", "pool2", "logits")}
OFFERED = [
    (name, method)
    for name, access in ACCESS.items()
    for method, described in catalogue().items()
    if described.access <= access
]


@dataclass(frozen=True)
class Served:
    """A network behind both servers, in this process too, and two pictures for it."""

    pair: Pair
    network: Network
    inputs: torch.Tensor


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Served]]:
    """Saves and serves a network when it is first asked for."""
    folder = tmp_path_factory.mktemp("networks")
    started: dict[str, Served] = {}
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for path in (folder, NETWORKS):
            patch.syspath_prepend(path)
        patch.setenv("PYTHONPATH", f"{folder}:{NETWORKS}")

        def start(name: str) -> Served:
            if name not in started:
                SAVED[name](folder)
                directory = folder / "models" / name
                module = f"{name}_network"
                flags = ("--architectures", module)
                pair = stack.enter_context(running_pair(name, folder, model_dir=directory, predictor_flags=flags))
                shape = json.loads((directory / "model.json").read_text())["input"]["shape"]
                inputs = torch.rand(2, *shape, generator=torch.Generator().manual_seed(0))
                started[name] = Served(pair, load_network(directory, module), inputs)
            return started[name]

        yield start
        tell_to_end(*(served.pair for served in started.values()))


def requests_of(name: str, network: Network, method: str) -> Iterator[dict[str, Any]]:
    """Few steps and samples, for a method at a layer each of the layers; and the defaults where they can be."""
    described = catalogue()[method]
    parameters = {
        key: value for key, value in {"n_steps": 5, "n_samples": 6}.items() if key in described.takes.parameters
    }
    if described.takes.segments:
        parameters |= {"segmentation": "grid", "n_segments": 4 if method == "shapley_values" else 30}
    if method == "occlusion":
        parameters |= WINDOWS[name]
    if described.has_layer:
        for layer in LAYERS.get(name, network.shapes):
            shape = network.shapes[layer]
            if (len(shape) == 3 or method not in ("guided_grad_cam", "layer_feature_ablation")) and not (
                method == "layer_lrp" and type(network.stages[layer]) in (nn.ReLU, nn.Tanh, nn.Dropout)
            ):
                neuron = {"neuron": [size // 2 for size in shape]} if described.family == "neuron" else {}
                yield {**parameters, "layer": layer, **neuron}
        return
    yield parameters
    # Of the large network the defaults of perturbation methods are many rows.
    if name != "large" or described.access != Access.SCORES:
        yield {}


@pytest.mark.parametrize(("name", "method"), OFFERED)
def test_what_is_offered_is_captums_bit_for_bit(name: str, method: str, serve: Callable[[str], Served]) -> None:
    if name == "large" and method.startswith("shapley"):
        pytest.skip("Captum in process goes through 50,000 pixels in Python for each order: a minute")
    served = serve(name)
    network, inputs = served.network, served.inputs
    target = network.scores(inputs).argmax(dim=1).tolist()
    said_something = False
    for parameters in requests_of(name, network, method):
        answer = ask(served.pair, inputs, method=method, **parameters)
        assert answer.status == 200, (parameters, answer.document)
        expected = attributions(network, inputs, answer.parameters, target).numpy()
        np.testing.assert_array_equal(answer.values, expected, err_msg=str(parameters), strict=True)
        said_something |= bool(np.any(answer.values != 0))  # a neuron may be dead
    assert said_something


@pytest.mark.parametrize("name", ACCESS)
def test_the_catalogue_offers_what_was_compared(name: str, serve: Callable[[str], Served]) -> None:
    document = requests.get(f"{serve(name).pair.explainer.url}/v1/models/{name}/methods", timeout=30).json()
    assert document["access"] == ACCESS[name].name.lower()
    assert [(name, method["name"]) for method in document["methods"]] == [case for case in OFFERED if case[0] == name]
