"""Explanations and predictions at once: none may change a bit of another.

In one process with shared hooks this fails by a third to all of the time: it is the reason for the design.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from captum_explainer.catalogue.catalogue import catalogue
from captum_serving.process.niceness import NICENESS
from captum_serving.protocol.wire import HEADER_LENGTH, encode

from local.servers import Pair
from tests.conftest import StartPair
from tests.support.explaining import EXPLANATIONS, examples

THREADS = 8
SECONDS = 3


@dataclass(frozen=True)
class Request:
    """To the explainer or straight to the predictor; `what` tells a failure's reader which one it was."""

    what: str
    url: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def every_request(pair: Pair) -> list[Request]:
    """Every explanation of one and of two pictures, and predictions and segments of one to forty."""
    pictures = examples(pair.name).repeat(4, 1, 1, 1)
    explanations = [
        v1(pair, "explain", {"instances": pictures[i : i + count].tolist(), "parameters": parameters})
        for i, parameters in enumerate(EXPLANATIONS)
        for count in ((2, 3) if catalogue()[parameters["method"]].passes.across else (1, 2))
    ]
    predictions = [v1(pair, "predict", {"instances": pictures[:count].tolist()}) for count in (1, 5, 13, 40)]
    return explanations + predictions + list(v2(pair, pictures.numpy()))


def v1(pair: Pair, verb: str, document: dict[str, Any]) -> Request:
    url = f"{pair.explainer.url}/v1/models/{pair.name}:{verb}"
    return Request(f"{verb} {document.get('parameters', '')}", url, json.dumps(document).encode())


def v2(pair: Pair, pictures: np.ndarray) -> Iterator[Request]:
    """Straight to the predictor, in JSON and as bytes: values and gradients of the whole model and below a layer."""
    url = f"{pair.predictor.url}/v2/models/{pair.name}/infer"
    cotangents = np.eye(10, dtype=np.float32)[np.arange(len(pictures)) % 10]
    whole: dict[str, Any] = {"parameters": {"binary_data_output": True}}
    to_layer: dict[str, Any] = {"parameters": {"sink": "conv2", "explanation": True}}
    for count, document, gradient in ((1, {}, False), (40, whole, False), (1, to_layer, False), (13, whole, True)):
        tensors = {"image": pictures[:count], **({"cotangent": cotangents[:count]} if gradient else {})}
        for binary in (True, False):
            body, length = encode(document, tensors, "inputs", binary)
            headers = {} if length is None else {HEADER_LENGTH: str(length)}
            yield Request(f"infer {document} {[*tensors]} {count} binary {binary}", url, body, headers)


def test_every_method_is_among_them() -> None:
    assert {parameters["method"] for parameters in EXPLANATIONS} == set(catalogue())


@pytest.mark.parametrize("workers", [1, 2], indirect=True)
def test_every_answer_under_load_is_the_serial_one(pair: Pair) -> None:
    requested = every_request(pair)

    def send(session: requests.Session, position: int) -> tuple[int, bytes]:
        request = requested[position]
        response = session.post(request.url, data=request.body, headers=request.headers, timeout=60)
        return response.status_code, response.content

    with requests.Session() as session:
        serial = [send(session, position) for position in range(len(requested))]
    assert {status for status, _ in serial} == {200}

    end = time.monotonic() + SECONDS
    asked: list[int] = []
    different: list[int] = []
    failures: list[Exception] = []

    def work(seed: int) -> None:
        order = list(range(len(requested)))
        random.Random(seed).shuffle(order)
        with requests.Session() as session:
            for position in itertools.cycle(order):
                if failures or (time.monotonic() > end and len(asked) > len(requested)):
                    return
                try:
                    if send(session, position) != serial[position]:
                        different.append(position)
                except requests.RequestException as error:
                    failures.append(error)
                asked.append(position)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert [requested[position].what for position in different] == []


def test_both_servers_explain_by_niced_threads_and_predict_by_others(start_pair: StartPair) -> None:
    pair = start_pair("mnist", 1)
    instances = {"instances": examples(pair.name)[:1].tolist()}
    for verb in ("explain", "predict"):
        url = f"{pair.explainer.url}/v1/models/{pair.name}:{verb}"
        assert requests.post(url, json=instances, timeout=60).status_code == 200
    for server in (pair.predictor, pair.explainer):
        niceness = set()
        for task in Path(f"/proc/{server.process.pid}/task").iterdir():
            with suppress(ProcessLookupError):  # a thread may end meanwhile
                niceness.add(os.getpriority(os.PRIO_PROCESS, int(task.name)))
        own = os.getpriority(os.PRIO_PROCESS, server.process.pid)
        assert niceness == {own, min(own + NICENESS, 19)}, server.log.name


def test_the_explainer_passes_predictions_on(pair: Pair) -> None:
    for body in (
        {"instances": examples(pair.name).tolist()},
        {"instances": [[1, 2], [3]]},
        {},
    ):
        answers = [
            requests.post(f"{server.url}/v1/models/{pair.name}:predict", json=body, timeout=20)
            for server in (pair.explainer, pair.predictor)
        ]
        through, straight = [(answer.status_code, answer.headers["content-type"], answer.content) for answer in answers]
        assert through == straight
    assert straight[0] == 400


@pytest.mark.parametrize(
    "parameters",
    [{"method": "gradient_shap", "n_samples": 30}, {"method": "lime", "n_samples": 40, "perturbations_per_eval": 5}],
    ids=["before the calls", "between the calls"],
)
def test_concurrent_explanations_of_one_seed_draw_alike(pair: Pair, parameters: dict[str, Any]) -> None:
    """Draws that were shared between threads would differ from one another."""
    body = {"instances": examples(pair.name)[:4].tolist(), "parameters": parameters}
    answers: list[tuple[int, bytes]] = []

    def work() -> None:
        for _ in range(2):
            response = requests.post(pair.explain_url, json=body, timeout=60)
            answers.append((response.status_code, response.content))

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [status for status, _ in answers] == [200] * 2 * THREADS
    assert len({content for _, content in answers}) == 1
