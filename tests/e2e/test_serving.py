"""A served model, asked as users ask: by the client, and by every method."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import requests

from local.servers import ROOT, Pair
from tests.e2e.deployed import GATEWAY, Deployed, picture
from tests.explaining import examples

# As few as will do: what is compared is the way, and both sides go it.
FEW = {"n_steps": 10, "n_samples": 40}


def client(deployed: Deployed, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The client as a user calls it, in a folder of its own."""
    url = f"{GATEWAY}/v1/models/{deployed.name}:explain"
    command = [sys.executable, str(ROOT / "client" / "query_explain.py"), url, deployed.host, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def test_the_client_draws_an_explanation(mnist: Deployed, tmp_path: Path) -> None:
    done = client(mnist, tmp_path, "0", "--method", "deep_lift", "--output", "seven.png")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "seven.png").read_bytes().startswith(b"\x89PNG")


def test_the_aix_examples_own_command_works(mnist: Deployed, tmp_path: Path) -> None:
    done = client(mnist, tmp_path, "9", '{"top_labels": "10"}')
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "explanation.png").is_file()


def test_the_client_names_the_servers_mistake(mnist: Deployed, tmp_path: Path) -> None:
    done = client(mnist, tmp_path, "0", "--method", "deep_lfit")
    assert done.returncode == 1
    assert "did you mean 'deep_lift'" in done.stderr
    assert "Traceback" not in done.stderr


def methods(deployed: Deployed) -> list[dict[str, object]]:
    answer = deployed.ask("GET", f"/v1/models/{deployed.name}:explain")
    assert answer.status_code == 200, answer.text
    return answer.json()["methods"]


def test_every_method_gives_the_bytes_that_the_servers_on_this_machine_give(mnist: Deployed, local_mnist: Pair) -> None:
    instances = examples("mnist")[:2].tolist()
    names = [method["name"] for method in methods(mnist)]
    assert len(names) >= 17
    for method in methods(mnist):
        parameters = {"method": method["name"]} | {key: FEW[key] for key in FEW if key in method["parameters"]}
        if "layer" in method["parameters"]:
            parameters["layer"] = "conv2"
        if "neuron" in method["parameters"]:
            parameters["neuron"] = [3, 5, 5]
        here = requests.post(
            local_mnist.explain_url, json={"instances": instances, "parameters": parameters}, timeout=90
        )
        there = mnist.explain(instances, **parameters)
        assert here.status_code == there.status_code == 200, there.text
        assert here.json() == there.json(), method["name"]
        assert here.content == there.content, method["name"]


@pytest.mark.parametrize("host", ["main", "explainer"])
def test_a_pictures_bytes_are_explained_on_both_hosts(mnist: Deployed, host: str) -> None:
    named = {"main": mnist.host, "explainer": mnist.explainer_host}[host]
    answer = mnist.ask("POST", "/v1/models/mnist:explain", host=named, data=picture("mnist").read_bytes())
    assert answer.status_code == 200, answer.text
    assert answer.json()["details"][0]["prediction_label"] == "7"


def test_predictions_over_v1_v2_and_the_explainers_host(mnist: Deployed) -> None:
    instances = examples("mnist")[:1].tolist()
    probabilities = mnist.predict(instances).json()["predictions"][0]
    assert max(range(10), key=probabilities.__getitem__) == 7
    passed_on = mnist.ask("POST", "/v1/models/mnist:predict", host=mnist.explainer_host, json={"instances": instances})
    assert passed_on.json()["predictions"][0] == probabilities
    tensor = {"name": "image", "datatype": "FP32", "shape": [1, 1, 28, 28], "data": instances}
    v2 = mnist.ask("POST", "/v2/models/mnist/infer", json={"inputs": [tensor]})
    assert v2.status_code == 200, v2.text
    assert v2.json()["outputs"][0]["shape"] == [1, 10]
