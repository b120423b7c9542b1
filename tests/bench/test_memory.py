"""A long explanation of many pictures takes no more memory than a short one of few: what is held does not grow."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from bench.harness.processes import PEAK, RESIDENT, forget_peak, memory
from local.servers import Pair, running_pair
from tests.support.explaining import examples

# 150 MB in MiB.
MOST_MIB = 143


@pytest.fixture(scope="module")
def fresh_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Servers that have held no other test's requests."""
    with running_pair("mnist", tmp_path_factory.mktemp("servers")) as pair:
        yield pair


def explain(pair: Pair, images: int, n_steps: int) -> None:
    instances = examples(pair.name).repeat(7, 1, 1, 1)[:images].tolist()
    body = {"instances": instances, "parameters": {"method": "integrated_gradients", "n_steps": n_steps}}
    response = requests.post(pair.explain_url, json=body, timeout=120)
    assert response.status_code == 200, response.text
    assert len(response.json()["explanations"]) == images


def test_500_steps_of_64_images_stay_within_150_mb_of_idle(fresh_pair):
    processes = {"predictor": fresh_pair.predictor.process.pid, "explainer": fresh_pair.explainer.process.pid}
    explain(fresh_pair, 1, 50)  # the kernels' code, the lanes' buffers
    idle = {server: memory(pid, RESIDENT) for server, pid in processes.items()}
    for pid in processes.values():
        forget_peak(pid)
    explain(fresh_pair, 64, 500)
    over = {server: memory(pid, PEAK) - idle[server] for server, pid in processes.items()}
    assert max(over.values()) <= MOST_MIB, over
