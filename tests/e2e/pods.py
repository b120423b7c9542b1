"""Pods of the tests' own: Python programs in the client's image, which brings requests."""

from __future__ import annotations

from typing import Any

import yaml

from tests.e2e.kubectl import kubectl, read

IMAGE = "kserve-captum/client:0.1.0"
PORT = 8000


def container(program: str, name: str = "python") -> dict[str, Any]:
    """A container of the restricted profile that runs a program."""
    return {
        "name": name,
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-c", program],
        "ports": [{"name": "http", "containerPort": PORT}],
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1},
    }


def start_pod(namespace: str, name: str, program: str) -> str:
    """A pod that runs a server on port 8000, and its address when it is ready."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            "containers": [container(program)],
        },
    }
    kubectl("apply", "--filename", "-", document=yaml.safe_dump(pod))
    kubectl("wait", "--namespace", namespace, "pod", name, "--for", "condition=Ready", "--timeout", "90s")
    return str(read("pod", "--namespace", namespace, name)["status"]["podIP"])


GET = """
import sys, urllib.request, urllib.error
try:
    with urllib.request.urlopen(sys.argv[1], timeout=3) as answer:
        print(answer.status)
except urllib.error.HTTPError as error:
    print(error.code)
except (TimeoutError, urllib.error.URLError) as error:
    print("timed out" if "timed out" in str(error) else error)
"""


def get_from(namespace: str, pod: str, url: str) -> str:
    """What a GET from inside a pod came to: the status, or `timed out`."""
    return kubectl("exec", "--namespace", namespace, pod, "--", "python", "-c", GET, url).strip()
