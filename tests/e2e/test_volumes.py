"""A volume gets filled as docs/kubernetes.md says, and KServe finds the model in it."""

from __future__ import annotations

import re
import subprocess

from kubernetes import client

from cluster.wait import CONTEXT
from local.servers import ROOT
from tests.e2e.conftest import TIMEOUT, own_namespace, with_timeout
from tests.e2e.deployed import Deployed, apply
from tests.e2e.volumes import models_volume

SECTION = re.compile(r"^## Fill a volume\n.*?```bash\n(.*?)```", re.DOTALL | re.MULTILINE)


def test_a_model_is_copied_and_served(api: client.ApiClient, namespace: str) -> None:
    (commands,) = SECTION.findall((ROOT / "docs" / "kubernetes.md").read_text())
    with own_namespace(f"{namespace}-v") as own, models_volume(own, models=()):
        told = commands.replace("CONTEXT", CONTEXT).replace("NAMESPACE", own).replace("/models/NAME", "/models/mnist")
        told = told.replace("MODEL_DIRECTORY", str(ROOT / "models" / "mnist"))
        subprocess.run(["bash", "-euo", "pipefail", "-c", told], cwd=ROOT, check=True, timeout=180)
        patches = {"InferenceService": with_timeout(TIMEOUT)["InferenceService"]}
        apply(own, "manifests/overlays/kind-mnist/service", patches, ("model-pvc",))
        Deployed(api, own, "mnist").wait("mnist")
