"""KServe's AIX example with only its images changed: its InferenceService, its client's request, and our client."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml
from kubernetes import client

from local.servers import ROOT
from tests.e2e.deployed import GATEWAY, Deployed
from tests.e2e.kubectl import kubectl
from tests.support.explaining import examples

SERVICE = ROOT / "examples" / "random-forest" / "aix-explainer.yaml"
# The node has two cores for all tests; KServe gives a container that asks for nothing a whole one.
SMALL = {"requests": {"cpu": "50m", "memory": "512Mi"}, "limits": {"cpu": "1", "memory": "2Gi"}}


@pytest.fixture(scope="module")
def unrestricted() -> Iterator[str]:
    """A namespace of its own: the example knows nothing of the restricted profile."""
    name = f"e2e-aix-{secrets.token_hex(2)}"
    kubectl("create", "namespace", name)
    yield name
    kubectl("delete", "namespace", name, "--wait=true", "--timeout=180s")


@pytest.fixture(scope="module")
def example(api: client.ApiClient, unrestricted: str) -> Deployed:
    """The example in another namespace, of which the predictor's host is a part, and with less of the node."""
    service = yaml.safe_load(SERVICE.read_text())
    service["metadata"]["namespace"] = unrestricted
    for component in ("predictor", "explainer"):
        [container] = service["spec"][component]["containers"]
        container["resources"] = SMALL
        container["args"] = [one.replace(".default.", f".{unrestricted}.") for one in container.get("args", [])]
    kubectl("apply", "--filename", "-", document=yaml.safe_dump(service))
    deployed = Deployed(api, unrestricted, "aix-explainer")
    deployed.wait()
    return deployed


def test_the_examples_request_gets_the_answer_that_its_client_draws(example: Deployed) -> None:
    grey = examples("mnist")[0, 0].numpy() - 0.5
    picture = np.repeat(grey[..., None], 3, axis=-1)
    body = {"instances": [picture.tolist()], "num_samples": "200"}
    answer = example.ask("POST", f"/v1/models/{example.name}:explain", json=body)
    assert answer.status_code == 200, answer.text
    explanation = answer.json()["explanations"]
    np.testing.assert_array_equal(np.array(explanation["temp"], dtype=np.float32), picture)
    masks = np.array(explanation["masks"])
    assert masks.shape == (10, 28, 28)
    assert set(np.unique(masks)) == {0, 1}
    probabilities = example.predict([picture.tolist()]).json()["predictions"][0]
    assert explanation["top_labels"][0] == int(np.argmax(probabilities))


def test_our_client_draws_it(example: Deployed, tmp_path: Path) -> None:
    url = f"{GATEWAY}/v1/models/{example.name}:explain"
    command = [sys.executable, str(ROOT / "client" / "query_explain.py"), url, example.host, "7"]
    options = ["--format", "aix", "--pixel-range=-0.5,0.5", "--output", "masks.png"]
    done = subprocess.run([*command, *options], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert ": masks for " in done.stdout
    assert (tmp_path / "masks.png").read_bytes().startswith(b"\x89PNG")
