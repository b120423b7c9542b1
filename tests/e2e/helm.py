"""The chart, by helm, on the cluster of ours."""

from __future__ import annotations

import subprocess

from cluster.wait import CONTEXT
from local.servers import ROOT
from tests.e2e.deployed import Deployed

CHART = ROOT / "charts" / "kserve-captum"
# The shipped model in its image, with all that restricts it.
VALUES = (
    *("--set", "model.bakedIn=0.1.0-fashion-mnist"),
    *("--set", "networkPolicy.enabled=true"),
    *("--set", "podDisruptionBudget.enabled=true"),
)


def helm(*arguments: str) -> str:
    """What a helm command says."""
    command = ["helm", "--kube-context", CONTEXT, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def put(verb: str, deployed: Deployed, *values: str) -> None:
    """Install or upgrade the release of this InferenceService."""
    helm(verb, deployed.name, str(CHART), "--namespace", deployed.namespace, *VALUES, *values)
