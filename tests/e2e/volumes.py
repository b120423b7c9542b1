"""The shipped models in a volume. No provisioner is needed: it is a folder of the node."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from local.servers import MODELS, ROOT
from tests.e2e.kubectl import kubectl

NODE = "kserve-captum-control-plane"


@contextmanager
def models_volume(namespace: str, *others: Path, models: tuple[str, ...] = MODELS) -> Iterator[str]:
    """A claim `models` with a folder a shipped model, or one of `others`; the volume, of no namespace, goes with it."""
    folder = f"/var/local/{namespace}"
    subprocess.run(["docker", "exec", NODE, "mkdir", "-p", "-m", "777", folder], check=True)
    for model in (*(ROOT / "models" / name for name in models), *others):
        subprocess.run(["docker", "cp", str(model), f"{NODE}:{folder}/{model.name}"], check=True)
    size = {"storage": "100Mi"}
    common = {"accessModes": ["ReadWriteOnce"], "storageClassName": ""}
    name = f"models-{namespace}"
    documents: list[dict[str, Any]] = [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name},
            "spec": {**common, "capacity": size, "hostPath": {"path": folder}},
        },
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "models", "namespace": namespace},
            "spec": {**common, "resources": {"requests": size}, "volumeName": name},
        },
    ]
    kubectl("apply", "--filename", "-", document=yaml.safe_dump_all(documents))
    try:
        yield "models"
    finally:
        kubectl("delete", "persistentvolume", name, "--wait=false")
        subprocess.run(["docker", "exec", NODE, "rm", "-rf", folder], check=True)
