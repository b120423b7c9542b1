"""`make bench-gateway`: what the cluster's gateway adds to an explanation, beside the same request to the explainer.

Both ways begin in a pod: one goes to the gateway's Service, the other to the address of the explainer's pod. A third is
this machine's, by the port at which the gateway serves here. They take turns. Both shipped models have to be deployed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from bench.harness.timed_calls import timed_calls
from bench.images import CALLS, ROUNDS, machine, quantiles
from bench.load import INTEGRATED_GRADIENTS
from cluster.wait import COMPONENTS, CONTEXT, Expected
from local.servers import MODELS
from local.shipped_models import example_images

PROGRAM = Path(__file__).parent / "harness" / "timed_calls.py"
# The explainer's container's, and what Envoy Gateway puts on the pod and the Service of the gateway of ours.
PORT = 8080
GATEWAY = "gateway.envoyproxy.io/owning-gateway-name=kserve-ingress-gateway"
CLIENT = "bench-gateway"

Object = dict[str, Any]


def main() -> None:
    """Print the machine, the containers' CPU limits, and a Markdown table of medians and 95th percentiles."""
    parser = argparse.ArgumentParser(prog="python -m bench.gateway", description=__doc__)
    parser.add_argument("--namespace", default="default", help="the InferenceServices'")
    parser.add_argument("--url", default=f"http://127.0.0.1:{os.environ.get('HOST_PORT', '8080')}", help="the gateway")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--calls", type=int, default=CALLS, help="of each way in a round")
    options = parser.parse_args()
    pods = {
        f"{name} {component}": the_only(
            "pod", f"serving.kserve.io/inferenceservice={name},component={component}", options.namespace
        )
        for name in MODELS
        for component in COMPONENTS
    }
    limits = {name: cpu_limit(pod) for name, pod in {**pods, "gateway": the_only("pod", GATEWAY)}.items()}
    print(f"{machine()}; CPU limits: {', '.join(f'{name} {limit}' for name, limit in limits.items())}\n")
    heads = ("model", "direct p50", "p95", "gateway p50", "p95", "added", "from this machine p50", "p95")
    print(f"| {' | '.join(heads)} |\n| --- |{' ---: |' * (len(heads) - 1)}")
    gateway = f"http://{the_only('service', GATEWAY)['spec']['clusterIP']}"
    image = pods[f"{MODELS[0]} explainer"]["spec"]["containers"][0]["image"]
    with client_pod(options.namespace, image):
        for name in MODELS:
            explainer = f"http://{pods[f'{name} explainer']['status']['podIP']}:{PORT}"
            urls = [f"{at}/v1/models/{name}:explain" for at in (explainer, gateway, options.url)]
            direct, through, here = times_of(name, urls, options)
            added = statistics.median(through) - statistics.median(direct)
            cells = [name, *quantiles(direct), *quantiles(through), f"{added:.1f} ms", *quantiles(here)]
            print(f"| {' | '.join(cells)} |", flush=True)


def times_of(name: str, urls: list[str], options: argparse.Namespace) -> list[list[float]]:
    """Milliseconds of each call of each URL: of the last from this machine, of the others from the pod."""
    instances = orjson.loads(orjson.dumps(example_images(name)[:1].numpy(), option=orjson.OPT_SERIALIZE_NUMPY))
    document = {"instances": instances, "parameters": INTEGRATED_GRADIENTS}
    host = Expected(options.namespace, name, options.url).host
    asked = json.dumps({"urls": urls[:-1], "host": host, "document": document, "calls": options.calls})
    program = ("exec", "--stdin", "--namespace", options.namespace, CLIENT, "--", "python", "-c", PROGRAM.read_text())
    times: list[list[float]] = [[] for _ in urls]
    for _ in range(options.rounds):
        rows = [*json.loads(kubectl(*program, document=asked)), timed_calls(urls[-1], host, document, options.calls)]
        for row, samples in zip(rows, times, strict=True):
            samples.extend(row)
    return times


@contextmanager
def client_pod(namespace: str, image: str) -> Iterator[None]:
    """A pod to run programs in, of the explainer's image: it brings urllib3 and orjson, and is on the node."""
    restricted = {
        "runAsNonRoot": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    container = {
        "name": CLIENT,
        "image": image,
        "command": ["sleep", "infinity"],
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}},
        "securityContext": restricted,
    }
    spec = {"automountServiceAccountToken": False, "terminationGracePeriodSeconds": 0, "containers": [container]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": CLIENT, "namespace": namespace}, "spec": spec}
    kubectl("apply", "--filename", "-", document=json.dumps(pod))
    try:
        kubectl("wait", "--namespace", namespace, "pod", CLIENT, "--for", "condition=Ready", "--timeout", "90s")
        yield
    finally:
        kubectl("delete", "--namespace", namespace, "pod", CLIENT)


def the_only(kind: str, selector: str, namespace: str | None = None) -> Object:
    """The object that has these labels and is not ending, in a namespace or in any.

    Raises:
        SystemExit: There is none, or several.
    """
    where = ("--namespace", namespace) if namespace else ("--all-namespaces",)
    items: list[Object] = json.loads(kubectl("get", kind, "--selector", selector, *where, "--output", "json"))["items"]
    found = [item for item in items if "deletionTimestamp" not in item["metadata"]]
    if len(found) != 1:
        deploy = " and ".join(f"`make deploy MODEL={name}`" for name in MODELS)
        raise SystemExit(f"found {len(found)} {kind}s with {selector}; expected one, after {deploy}")
    return found[0]


def cpu_limit(pod: Object) -> str:
    """The first container's, as it is stated."""
    return str(pod["spec"]["containers"][0]["resources"].get("limits", {}).get("cpu", "none"))


def kubectl(*arguments: str, document: str | None = None) -> str:
    """What a command says.

    Raises:
        SystemExit: It failed; the message is its error output.
    """
    command = ["kubectl", "--context", CONTEXT, *arguments]
    done = subprocess.run(command, input=document, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise SystemExit(f"kubectl {arguments[0]} failed:\n{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
