"""The chart: its own tests, its notes, and an upgrade."""

from __future__ import annotations

import shlex
import subprocess

from tests.e2e.deployed import GATEWAY, Deployed, picture
from tests.e2e.helm import helm, put
from tests.e2e.kubectl import pods
from tests.support.explaining import examples


def test_the_charts_own_tests_pass(fashion_mnist: Deployed) -> None:
    told = helm("test", "fashion-mnist", "--namespace", fashion_mnist.namespace)
    # Two pods, and the policy that lets them in.
    assert told.count("Succeeded") == 3, told


def test_the_curl_line_of_the_notes_explains(fashion_mnist: Deployed) -> None:
    notes = helm("get", "notes", "fashion-mnist", "--namespace", fashion_mnist.namespace)
    (line,) = (line.strip() for line in notes.splitlines() if "curl" in line)
    here = line.replace("picture.png", str(picture("fashion-mnist"))).replace("http://GATEWAY", GATEWAY)
    answer = subprocess.run(shlex.split(here), capture_output=True, text=True, timeout=60, check=True).stdout
    assert '"prediction_label":"Ankle boot"' in answer


def test_an_upgrade_is_rolled_out(fashion_mnist: Deployed) -> None:
    instance = examples("fashion-mnist")[:1].tolist()
    assert fashion_mnist.explain(instance).json()["parameters"]["n_steps"] == 50
    put("upgrade", fashion_mnist, "--set-json", 'explainer.args=["--defaults={\\"n_steps\\": 20}"]')
    fashion_mnist.wait("fashion-mnist")
    (pod,) = pods(fashion_mnist.namespace, "fashion-mnist", "explainer")
    assert '--defaults={"n_steps": 20}' in pod["spec"]["containers"][0]["args"]
    assert fashion_mnist.explain(instance).json()["parameters"]["n_steps"] == 20
    put("upgrade", fashion_mnist)
    fashion_mnist.wait("fashion-mnist")
    assert fashion_mnist.explain(instance).json()["parameters"]["n_steps"] == 50
