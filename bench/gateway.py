"""What the cluster's gateway adds to an explanation; both models must be deployed.

Both ways begin in a pod: one goes to the gateway's Service, the other to the address of the explainer's pod. A third is
this machine's, by the port at which the gateway serves here. They take turns.
"""

import json
import statistics
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from bench.harness.calls import INTEGRATED_GRADIENTS
from bench.harness.figures import percentiles
from bench.harness.result import Row
from bench.harness.run import Run
from bench.harness.timed_calls import timed_calls
from cluster.wait import COMPONENTS, CONTEXT, Expected
from local.servers import MODELS
from local.shipped_models import example_images

ROUNDS, CALLS = 5, 20
PROGRAM = Path(__file__).parent / "harness" / "timed_calls.py"
# The explainer's container's, and what Envoy Gateway puts on the pod and the Service of the gateway of ours.
PORT = 8080
GATEWAY = "gateway.envoyproxy.io/owning-gateway-name=kserve-ingress-gateway"
CLIENT = "bench-gateway"

Object = dict[str, Any]


def measure(run: Run) -> list[Row]:
    """A row for each model, which states the containers' CPU limits too.

    Raises:
        SystemExit: A model is not deployed, or something does not answer.
    """
    namespace, models = run.options.namespace, MODELS
    run.expect(len(models) * run.rounds)
    pods = {(name, component): find_pod(name, component, namespace) for name in models for component in COMPONENTS}
    gateway_limit = get_cpu_limit(find_one("pod", GATEWAY))
    gateway = f"http://{find_one('service', GATEWAY)['spec']['clusterIP']}"
    image = pods[models[0], "explainer"]["spec"]["containers"][0]["image"]
    rows: list[Row] = []
    with client_pod(namespace, image):
        for name in models:
            explainer = f"http://{pods[name, 'explainer']['status']['podIP']}:{PORT}"
            urls = [f"{at}/v1/models/{name}:explain" for at in (explainer, gateway, run.options.url)]
            direct, through, here = _time(run, name, urls)
            limits = {f"{component}_cpus": get_cpu_limit(pods[name, component]) for component in COMPONENTS}
            times = percentiles("direct", direct, 50, 95) | percentiles("gateway", through, 50, 95)
            added = {"added_ms": statistics.median(through) - statistics.median(direct)}
            from_here = percentiles("from_this_machine", here, 50, 95)
            rows.append({"model": name, **times, **added, **from_here, **limits, "gateway_cpus": gateway_limit})
    return rows


def find_pod(name: str, component: str, namespace: str) -> Object:
    """The pod of a model's component."""
    return find_one("pod", f"serving.kserve.io/inferenceservice={name},component={component}", namespace)


def _time(run: Run, name: str, urls: list[str]) -> list[list[float]]:
    """Milliseconds of each call of each URL: of the last from this machine, of the others from the pod."""
    instances = orjson.loads(orjson.dumps(example_images(name, 1).numpy(), option=orjson.OPT_SERIALIZE_NUMPY))
    document = {"instances": instances, "parameters": INTEGRATED_GRADIENTS}
    host = Expected(run.options.namespace, name, run.options.url).host
    asked = json.dumps({"urls": urls[:-1], "host": host, "document": document, "calls": CALLS})
    where = ("--stdin", "--namespace", run.options.namespace, CLIENT)
    times: list[list[float]] = [[] for _ in urls]
    for _ in range(run.rounds):
        with run.step(name):
            in_pod = json.loads(kubectl("exec", *where, "--", "python", "-c", PROGRAM.read_text(), document=asked))
            rows = [*in_pod, timed_calls(urls[-1], host, document, CALLS)]
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


def find_one(kind: str, selector: str, namespace: str | None = None) -> Object:
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


def get_cpu_limit(pod: Object) -> str:
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
