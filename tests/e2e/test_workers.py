"""`containerConcurrency: 2`, from which KServe makes the explainer's `--workers 2`."""

from __future__ import annotations

from tests.e2e.conftest import apply_mnist
from tests.e2e.deployed import Deployed
from tests.e2e.kubectl import kubectl, pods
from tests.support.explaining import examples

INSTANCES = examples("mnist")[:1].tolist()
COUNT = "captum_explainer_explanation_seconds_count"
REQUESTS = 24
# The base's own --workers=1 would keep KServe from adding one.
TWO_AT_ONCE = (
    {"op": "test", "path": "/spec/explainer/containers/0/args/1", "value": "--workers=1"},
    {"op": "remove", "path": "/spec/explainer/containers/0/args/1"},
    {"op": "add", "path": "/spec/explainer/containerConcurrency", "value": 2},
)
COUNT_WORKERS = """
import pathlib
commands = [path.read_text() for path in pathlib.Path("/proc").glob("[0-9]*/cmdline")]
print(sum("multiprocessing.spawn import spawn" + "_main" in command for command in commands))
"""


def test_two_workers_answer_as_one_and_their_metrics_add_up(mnist: Deployed) -> None:
    whole = mnist.explain(INSTANCES, method="deep_lift").content
    apply_mnist(mnist.namespace, *TWO_AT_ONCE)
    mnist.wait("mnist")
    (pod,) = pods(mnist.namespace, "mnist", "explainer")
    arguments = pod["spec"]["containers"][0]["args"]
    assert arguments[arguments.index("--workers") + 1] == "2"
    name = pod["metadata"]["name"]
    processes = kubectl("exec", "--namespace", mnist.namespace, name, "--", "python", "-c", COUNT_WORKERS)
    assert int(processes) == 2
    assert mnist.metric("explainer", COUNT) == 0
    answers = [mnist.explain(INSTANCES, method="deep_lift") for _ in range(REQUESTS)]
    assert {answer.content for answer in answers} == {whole}
    assert {mnist.metric("explainer", COUNT, method="deep_lift") for _ in range(8)} == {REQUESTS}
    apply_mnist(mnist.namespace)
    mnist.wait("mnist")
