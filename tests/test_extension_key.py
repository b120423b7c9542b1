"""Both servers with one key: explanations as without it; an explainer that lacks the key has scores alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from local.servers import ROOT, Pair, Server, running, running_pair, tell_to_end
from local.shipped_models import example_images
from tests.support.explaining import ask
from tests.support.reference import attributions, load_network


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Pair, Server, Server]]:
    """A pair with a key, and two more explainers of its predictor: one without a key, one with another."""
    folder = tmp_path_factory.mktemp("locked")
    flags = {}
    for name in ("key", "other"):
        (folder / name).write_text(f"{name} of both servers")
        flags[name] = ("--extension_key_file", str(folder / name))
    with ExitStack() as stack:
        pair = stack.enter_context(running_pair("mnist", folder, *flags["key"], predictor_flags=flags["key"]))
        address = ("--model_name", "mnist", "--predictor_host", pair.predictor.url.removeprefix("http://"))
        more = [
            stack.enter_context(running("captum_explainer", folder / f"{i}.log", *address, *given))
            for i, given in enumerate([(), flags["other"]])
        ]
        for explainer in more:
            explainer.wait_until_ready()
        yield pair, more[0], more[1]
        tell_to_end(pair)


@pytest.mark.parametrize(
    "parameters", [{"method": "integrated_gradients"}, {"method": "guided_grad_cam", "layer": "conv2"}]
)
def test_with_the_key_explanations_are_captums(locked: tuple[Pair, Server, Server], parameters: dict[str, str]) -> None:
    network, inputs = load_network(ROOT / "models" / "mnist"), example_images("mnist", 1)
    answer = ask(locked[0], inputs, **parameters)
    assert answer.status == 200, answer.document
    target = network.scores(inputs).argmax(dim=1).tolist()
    assert (answer.values == attributions(network, inputs, answer.parameters, target).numpy()).all()


def test_an_explainer_without_the_key_has_scores_alone(locked: tuple[Pair, Server, Server]) -> None:
    methods = requests.get(f"{locked[1].url}/v1/models/mnist/methods", timeout=30).json()
    assert methods["access"] == "scores"
    pair = Pair("mnist", locked[0].predictor, locked[1])
    inputs = example_images("mnist", 1)
    assert ask(pair, inputs, method="kernel_shap", n_samples=20).status == 200
    assert ask(pair, inputs, method="saliency").status == 400


def test_another_key_is_a_403_that_says_what_both_need(locked: tuple[Pair, Server, Server]) -> None:
    answer = ask(Pair("mnist", locked[0].predictor, locked[2]), example_images("mnist", 1), method="saliency")
    assert answer.status == 403
    assert "expected the key in its --extension_key_file, which the explainer needs too" in answer.document["error"]


def test_the_clients_own_key_is_not_passed_on(locked: tuple[Pair, Server, Server]) -> None:
    headers = {"x-captum-extension-key": "key of both servers"}
    methods = requests.get(f"{locked[1].url}/v1/models/mnist/methods", headers=headers, timeout=30).json()
    assert methods["access"] == "scores"


def test_a_key_that_is_too_short_ends_both_servers(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("short")
    for module in ("captum_predictor", "captum_explainer"):
        command = [sys.executable, "-m", module, "--predictor_host", "localhost:1", "--extension_key_file"]
        ended = subprocess.run([*command, str(tmp_path / "key")], capture_output=True, text=True, timeout=60)
        assert ended.returncode == 2
        assert "holds 5 characters; expected a key of 16 or more" in ended.stderr
