"""A served model, asked as users ask: by the client, and by every method."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from local.servers import ROOT, Pair
from tests.e2e.deployed import GATEWAY, Deployed, picture
from tests.e2e.kubectl import pods
from tests.support.explaining import examples

# As few as will do: what is compared is the way, and both sides go it.
FEW = {"n_steps": 10, "n_samples": 40}


@pytest.fixture(params=["mnist", "fashion_mnist"])
def served(request: pytest.FixtureRequest) -> Deployed:
    """Each model: one comes from the manifests, the other from the chart."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def local(request: pytest.FixtureRequest, served: Deployed) -> Pair:
    """The same model on this machine."""
    return request.getfixturevalue(f"local_{served.name.replace('-', '_')}")


def client(deployed: Deployed, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The client as a user calls it, in a folder of its own."""
    url = f"{GATEWAY}/v1/models/{deployed.name}:explain"
    command = [sys.executable, str(ROOT / "client" / "query_explain.py"), url, deployed.host, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def test_the_client_draws_an_explanation(served: Deployed, tmp_path: Path) -> None:
    done = client(served, tmp_path, "0", "--method", "deep_lift", "--output", "first.png")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "first.png").read_bytes().startswith(b"\x89PNG")


def test_the_aix_examples_own_command_works(served: Deployed, tmp_path: Path) -> None:
    # Of the test set; of the ten that are shipped where it is not at hand.
    index = "100" if os.environ.get("KSERVE_CAPTUM_DATA") else "9"
    done = client(served, tmp_path, index, '{"top_labels": "10"}')
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


def test_every_method_gives_the_bytes_that_the_servers_on_this_machine_give(served: Deployed, local: Pair) -> None:
    instances = examples(served.name)[:2].tolist()
    names = [method["name"] for method in methods(served)]
    assert len(names) >= 17
    for method in methods(served):
        parameters = {"method": method["name"]} | {key: FEW[key] for key in FEW if key in method["parameters"]}
        if "layer" in method["parameters"]:
            parameters["layer"] = "conv2"
        if "neuron" in method["parameters"]:
            parameters["neuron"] = [3, 5, 5]
        here = requests.post(local.explain_url, json={"instances": instances, "parameters": parameters}, timeout=90)
        there = served.explain(instances, **parameters)
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


def test_no_pod_has_a_service_accounts_token(served: Deployed) -> None:
    for component in ("predictor", "explainer"):
        for pod in pods(served.namespace, served.name, component):
            assert pod["spec"]["automountServiceAccountToken"] is False
            mounts = [mount["mountPath"] for one in pod["spec"]["containers"] for mount in one["volumeMounts"]]
            assert mounts == ["/tmp"]
