"""An InferenceService in the cluster: applying it, waiting for it, and asking it through the gateway."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import yaml
from kubernetes import client

from cluster.wait import Expected, digest_of, wait_until_served
from local.servers import ROOT
from tests.e2e.kubectl import kubectl

GATEWAY = f"http://127.0.0.1:{os.environ.get('HOST_PORT', '8080')}"
FOLDER = ROOT / "build" / "e2e"

Patch = list[dict[str, Any]]


@dataclass(frozen=True)
class Deployed:
    """An InferenceService of this run."""

    api: client.ApiClient
    namespace: str
    name: str

    @property
    def host(self) -> str:
        """Its main host."""
        return Expected(self.namespace, self.name, GATEWAY).host

    @property
    def explainer_host(self) -> str:
        """The host that reaches its explainer alone."""
        return f"{self.name}-explainer-{self.namespace}.example.com"

    def wait(self, model: str | None = None, seconds: float = 240.0) -> None:
        """Until what was applied serves, and where it is told, this model of ours."""
        digest = digest_of(ROOT / "models" / model) if model else None
        wait_until_served(self.api, Expected(self.namespace, self.name, GATEWAY, digest=digest), seconds)

    def delete(self) -> None:
        """Away with it, and with what its pods ask of this machine's two cores."""
        kubectl("delete", "inferenceservice", self.name, "--namespace", self.namespace)

    def ask(self, verb: str, path: str, host: str | None = None, **arguments: Any) -> requests.Response:
        """A request through the gateway, on a connection of its own."""
        headers = {"Host": host or self.host, **arguments.pop("headers", {})}
        return requests.request(
            verb, GATEWAY + path, headers=headers, timeout=arguments.pop("timeout", 90), **arguments
        )

    def explain(self, instances: Any, **parameters: Any) -> requests.Response:
        body = {"instances": instances, "parameters": parameters}
        return self.ask("POST", f"/v1/models/{self.name}:explain", json=body)

    def predict(self, instances: Any) -> requests.Response:
        return self.ask("POST", f"/v1/models/{self.name}:predict", json={"instances": instances})

    def metric(self, component: str, metric: str, **labels: str) -> float:
        """The sum of a metric's samples at a component, by the gateway's host for it."""
        text = self.ask("GET", "/metrics", host=f"{self.name}-{component}-{self.namespace}.example.com").text
        wanted = [f'{name}="{value}"' for name, value in labels.items()]
        lines = [line for line in text.splitlines() if line.startswith((metric + "{", metric + " "))]
        return sum(float(line.split()[-1]) for line in lines if all(one in line for one in wanted))


def apply(
    namespace: str, source: str, patches: dict[str, Patch] | None = None, components: tuple[str, ...] = ()
) -> None:
    """Apply a kustomize folder of ours in a namespace; `patches` are JSON6902's, by the kind of object.

    KServe's host of the InferenceService, which the overlay's route names, is put right for the namespace.
    """
    folder = FOLDER / namespace
    folder.mkdir(parents=True, exist_ok=True)
    above = os.path.relpath(ROOT, folder)
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": namespace,
        "resources": [f"{above}/{source}"],
        "components": [f"{above}/manifests/components/{name}" for name in components],
        "patches": [
            {"target": {"kind": kind}, "patch": yaml.safe_dump(patch)} for kind, patch in (patches or {}).items()
        ],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    kubectl("apply", "--kustomize", str(folder))


def remove_folders(namespace: str) -> None:
    shutil.rmtree(FOLDER / namespace, ignore_errors=True)


@dataclass
class Load:
    """What a thread's requests came to: (status, digest of the model or None, sentence or None) of each."""

    answers: list[tuple[int, str | None, Any]] = field(default_factory=list)

    @property
    def statuses(self) -> dict[int, int]:
        found = [status for status, *_ in self.answers]
        return {status: found.count(status) for status in sorted(set(found))}


@contextmanager
def under_load(*calls: Callable[[], requests.Response]) -> Iterator[list[Load]]:
    """Make each call over and over, one thread each, until the block ends."""
    stop = threading.Event()
    loads = [Load() for _ in calls]

    def run(call: Callable[[], requests.Response], load: Load) -> None:
        while not stop.is_set():
            answer = call()
            document = answer.json() if answer.headers.get("content-type", "").startswith("application/json") else {}
            digest = document.get("model", {}).get("digest") if isinstance(document, dict) else None
            load.answers.append((answer.status_code, digest, document if answer.ok else answer.text[:300]))

    threads = [threading.Thread(target=run, args=pair) for pair in zip(calls, loads, strict=True)]
    for thread in threads:
        thread.start()
    try:
        yield loads
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def until(true: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until something is so.

    Raises:
        AssertionError: It is not, after so many seconds.
    """
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds:g} s: {what}"
        time.sleep(0.2)


def picture(model: str, index: int = 0) -> Path:
    """A test image that is shipped with a model."""
    return ROOT / "models" / model / "examples" / f"{index}.png"
