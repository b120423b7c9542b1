"""A rollout while explanations and predictions run: none mixes two versions, none is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import requests

from cluster.wait import digest_of
from local.servers import ROOT, Pair
from tests.e2e.conftest import apply_mnist
from tests.e2e.deployed import Deployed, Load, under_load, until
from tests.support.explaining import examples

INSTANCES = examples("mnist")[:2].tolist()
# Many calls an explanation, so that one is nearly always under way when the versions change.
MANY_CALLS = (
    {"method": "integrated_gradients", "n_steps": 60, "internal_batch_size": 4},
    {"method": "occlusion", "sliding_window_shapes": [1, 7, 7], "strides": [1, 7, 7]},
)
ANOTHER_VERSION = {
    "op": "replace",
    "path": "/spec/predictor/containers/0/image",
    "value": "kserve-captum/predictor:0.1.0-fashion-mnist",
}


def explanations(pair: Pair, parameters: dict[str, Any]) -> Any:
    body = {"instances": INSTANCES, "parameters": parameters}
    answer = requests.post(pair.explain_url, json=body, timeout=90)
    assert answer.status_code == 200, answer.text
    return answer.json()["explanations"]


def calls(mnist: Deployed) -> list[Callable[[], requests.Response]]:
    asked = [lambda p=parameters: mnist.explain(INSTANCES, **p) for parameters in MANY_CALLS]
    return [*asked, lambda: mnist.predict(INSTANCES)]


def assert_nothing_lost(loads: list[Load]) -> None:
    for load in loads:
        failed = [(status, document) for status, _, document in load.answers if status != 200]
        assert failed == [], load.statuses
        assert len(load.answers) >= 10


def test_a_new_model_version(mnist: Deployed, local_mnist: Pair, local_fashion_mnist: Pair) -> None:
    digests = [digest_of(ROOT / "models" / name) for name in ("mnist", "fashion-mnist")]
    pairs = dict(zip(digests, (local_mnist, local_fashion_mnist), strict=True))
    expected = [{digest: explanations(pair, one) for digest, pair in pairs.items()} for one in MANY_CALLS]
    with under_load(*calls(mnist)) as loads:
        until(lambda: all(len(load.answers) >= 3 for load in loads), 60, "three answers before the rollout")
        apply_mnist(mnist.namespace, ANOTHER_VERSION)
        mnist.wait("fashion-mnist")
        new = [len(load.answers) for load in loads]
        until(lambda: all(len(x.answers) >= n + 3 for x, n in zip(loads, new, strict=True)), 60, "three answers after")
        apply_mnist(mnist.namespace)
        mnist.wait("mnist")
    assert_nothing_lost(loads)
    for load, of_version in zip(loads, expected, strict=False):
        assert {digest for _, digest, _ in load.answers} == set(digests)
        for _, digest, document in load.answers:
            assert document["explanations"] == of_version[digest]


def test_a_new_explainer(mnist: Deployed) -> None:
    change = {"op": "add", "path": "/spec/explainer/containers/0/env", "value": [{"name": "ROLLED_OUT", "value": "1"}]}
    with under_load(*calls(mnist)) as loads:
        until(lambda: all(len(load.answers) >= 3 for load in loads), 60, "three answers before the rollout")
        apply_mnist(mnist.namespace, change)
        mnist.wait("mnist")
        apply_mnist(mnist.namespace)
        mnist.wait("mnist")
    assert_nothing_lost(loads)
