"""Waits until an InferenceService serves what was applied, as `make deploy` does.

After an update neither `kubectl wait --for condition=Ready` nor Helm's `--wait` can tell: KServe 0.20's Ready stays
true through a rollout, and its observedGeneration does not follow. So the parts are looked at: each Deployment carries
the change, its rollout is complete, and through the gateway the expected model answers and can be explained.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from kubernetes import client, config
from kubernetes.client import ApiException
from kubernetes.utils.quantity import parse_quantity

CONTEXT = "kind-kserve-captum"
GROUP, VERSION, PLURAL = "serving.kserve.io", "v1beta1", "inferenceservices"
COMPONENTS = ("predictor", "explainer")
CONTAINER = "kserve-container"
# What KServe adds to a container, after what is stated.
ADDED_FLAGS = {"--model_name", "--predictor_host", "--http_port", "--workers"}
ADDED_VARIABLES = {"INFERENCE_SERVICE_NAME"}
# What of a model by its format is its container's.
OF_A_MODEL = ("image", "args", "env", "resources")
SECONDS = 240.0
PAUSE_SECONDS = 0.5

Object = dict[str, Any]


class NotServed(Exception):
    """It does not serve in time; the message is what was last missing."""


@dataclass(frozen=True)
class Expected:
    """What is to be served: an InferenceService, at which gateway, and the model's digest where it is known."""

    namespace: str
    name: str
    url: str
    domain: str = "example.com"
    digest: str | None = None

    @property
    def host(self) -> str:
        """The service's main host."""
        return f"{self.name}-{self.namespace}.{self.domain}"


def wait_until_served(api: client.ApiClient, expected: Expected, seconds: float = SECONDS) -> None:
    """Return when nothing is missing.

    Raises:
        NotServed: Something was, for so long.
    """
    end = time.monotonic() + seconds
    while (missing := next(_missing(api, expected), None)) is not None:
        if time.monotonic() > end:
            raise NotServed(f"{expected.namespace}/{expected.name} does not serve after {seconds:g} s: {missing}")
        time.sleep(PAUSE_SECONDS)


def _missing(api: client.ApiClient, expected: Expected) -> Iterator[str]:
    """What is missing yet, the first first."""
    try:
        service: Any = client.CustomObjectsApi(api).get_namespaced_custom_object(
            GROUP, VERSION, expected.namespace, PLURAL, expected.name
        )
    except ApiException as error:
        yield f"the InferenceService cannot be read: {error.reason}"
        return
    for component in COMPONENTS:
        if component in service["spec"]:
            yield from _missing_of_deployment(api, expected, component, service["spec"][component])
    yield from _missing_of_answers(expected)


def _missing_of_deployment(api: client.ApiClient, expected: Expected, component: str, wanted: Object) -> Iterator[str]:
    name = f"{expected.name}-{component}"
    try:
        read = client.AppsV1Api(api).read_namespaced_deployment(name, expected.namespace)
    except ApiException as error:
        yield f"Deployment {name} cannot be read: {error.reason}"
        return
    deployment: Object = api.sanitize_for_serialization(read)
    if not carries(deployment["spec"]["template"], wanted):
        yield f"Deployment {name} does not carry the change"
    yield from missing_of_rollout(name, deployment, wanted.get("minReplicas", 1))


def carries(template: Object, component: Object) -> bool:
    """Whether a Deployment's pod template has all that an InferenceService's component states, and no more flags."""
    pod = template["spec"]
    deployed = next(one for one in pod["containers"] if one["name"] == CONTAINER)
    stated = next((one for one in component.get("containers", []) if one["name"] == CONTAINER), None)
    if stated is not None and not (_contains(deployed, stated) and _nothing_left_over(deployed, stated)):
        return False
    model = {key: value for key, value in component.get("model", {}).items() if key in OF_A_MODEL}
    return _contains(deployed, model) and _contains(
        pod, {key: value for key, value in component.items() if key in pod and key != "containers"}
    )


def _nothing_left_over(deployed: Object, stated: Object) -> bool:
    """Whether the flags and variables beyond the stated ones are KServe's, and not those of before the change."""
    flags, variables = deployed.get("args", []), {one["name"] for one in deployed.get("env", [])}
    own, names = stated.get("args", []), {one["name"] for one in stated.get("env", [])}
    added = [flag for flag in flags[len(own) :] if flag.startswith("-")]
    return flags[: len(own)] == own and {*added} <= ADDED_FLAGS and variables - names <= ADDED_VARIABLES


def _contains(have: Any, wanted: Any) -> bool:  # noqa: ANN401 - JSON
    """Whether `have` is `wanted`, perhaps with more in its objects and lists; Kubernetes leaves empty lists out."""
    if isinstance(wanted, dict):
        stated = [key for key in wanted if wanted[key] != []]
        return isinstance(have, dict) and all(key in have and _contains(have[key], wanted[key]) for key in stated)
    if isinstance(wanted, list):
        return isinstance(have, list) and all(any(_contains(one, each) for one in have) for each in wanted)
    return have == wanted or _same_quantity(have, wanted)


def _same_quantity(have: object, wanted: object) -> bool:
    try:
        return bool(parse_quantity(have) == parse_quantity(wanted))
    except ValueError:
        return False


def missing_of_rollout(name: str, deployment: Object, least: int) -> Iterator[str]:
    """What a Deployment's rollout is missing yet."""
    status, generation = deployment.get("status", {}), deployment["metadata"]["generation"]
    replicas = deployment["spec"].get("replicas", 1)
    if status.get("observedGeneration", 0) < generation:
        yield f"Deployment {name} has not been looked at since its change"
    if replicas < least:
        yield f"Deployment {name} has {replicas} of {least} pods"
    for key, what in (("updatedReplicas", "updated"), ("availableReplicas", "available")):
        if status.get(key, 0) < replicas:
            yield f"Deployment {name}: {status.get(key, 0)} of {replicas} pods are {what}"
    if status.get("replicas", 0) > replicas:
        yield f"Deployment {name}: {status['replicas'] - replicas} old pods are left"


def _missing_of_answers(expected: Expected) -> Iterator[str]:
    model = f"{expected.url}/v2/models/{expected.name}"
    try:
        if expected.digest is not None:
            digest = _ask(model, expected.host).get("model_digest")
            if digest != expected.digest:
                yield f"the predictor serves the model {str(digest)[:12]}, not {expected.digest[:12]}"
        _ask(f"{expected.url}/v1/models/{expected.name}:explain", expected.host)
    except (requests.RequestException, ValueError) as error:
        yield f"no answer through the gateway: {error}"


def _ask(url: str, host: str) -> Object:
    answer = requests.get(url, headers={"Host": host}, timeout=10)
    answer.raise_for_status()
    document: Object = answer.json()
    return document


def main() -> None:
    """Wait, and say what was missing where it took too long."""
    parser = argparse.ArgumentParser(prog="python -m cluster.wait", description=__doc__)
    parser.add_argument("--context", default=CONTEXT, help="the kubectl context")
    parser.add_argument("--namespace", default="default")
    parser.add_argument("--name", required=True, help="the InferenceService's")
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="the gateway")
    parser.add_argument("--model", type=Path, help="the model directory that is to be served")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    flags = parser.parse_args()
    expected = Expected(flags.namespace, flags.name, flags.url, digest=flags.model and digest_of(flags.model))
    try:
        wait_until_served(config.new_client_from_config(context=flags.context), expected, flags.seconds)
    except NotServed as error:
        sys.exit(str(error))
    print(f"{expected.host} serves at {expected.url}")


def digest_of(directory: Path) -> str:
    """The digest that a predictor of this model directory answers."""
    from captum_predictor.kinds.load import load_kind  # imports torch
    from captum_predictor.model.architectures import quiet_even_kernels

    quiet_even_kernels()
    return load_kind(directory).model.digest


if __name__ == "__main__":
    main()
