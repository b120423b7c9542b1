"""kubectl on the cluster of ours, whatever the user's current context is."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from cluster.wait import CONTEXT


def kubectl(*arguments: str, document: str | None = None, check: bool = True) -> str:
    """The output of a kubectl command; its error output is in the exception where it fails."""
    command = ["kubectl", "--context", CONTEXT, *arguments]
    done = subprocess.run(command, input=document, capture_output=True, text=True, timeout=300, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(command)} failed:\n{done.stderr}")
    return done.stdout


def read(*arguments: str) -> Any:
    """The object, or the list of objects, that `kubectl get` gives."""
    return json.loads(kubectl("get", *arguments, "--output", "json"))


def pods(namespace: str, name: str, component: str) -> list[dict[str, Any]]:
    """The pods of an InferenceService's component that are not ending."""
    labels = f"serving.kserve.io/inferenceservice={name},component={component}"
    items = read("pods", "--namespace", namespace, "--selector", labels)["items"]
    return [pod for pod in items if "deletionTimestamp" not in pod["metadata"]]


def pod_names(namespace: str, name: str, component: str) -> list[str]:
    return [pod["metadata"]["name"] for pod in pods(namespace, name, component)]


def what_happened(namespace: str) -> str:
    """What a failed test's reader wants to know of a namespace: events, pods, logs, and KServe's own failure notes."""
    parts = [
        kubectl("get", "--namespace", namespace, "events", "--sort-by", "lastTimestamp", check=False)[-6000:],
        kubectl("get", "--namespace", namespace, "pods,deployments,hpa", "--output", "wide", check=False),
    ]
    services = kubectl("get", "--namespace", namespace, "inferenceservices", "--output", "json", check=False)
    for service in json.loads(services or '{"items": []}')["items"]:
        failure = service.get("status", {}).get("modelStatus", {}).get("lastFailureInfo")
        parts.append(f"{service['metadata']['name']}: lastFailureInfo {failure}")
    for pod in kubectl("get", "--namespace", namespace, "pods", "--output", "name", check=False).split():
        for flags in ([], ["--previous"]):
            log = kubectl(
                "logs", "--namespace", namespace, pod, "--all-containers", "--tail", "40", *flags, check=False
            )
            if log:
                parts.append(f"--- {pod} {' '.join(flags)}\n{log}")
    return "\n".join(parts)
