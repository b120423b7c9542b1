"""`replicas`: an explainer in front of the replaying predictor gives the same answers, and the bytes are counted."""

from __future__ import annotations

import json

import pytest
import requests
from PIL import Image

from bench import replicas
from bench.__main__ import RESULTS
from bench.harness.replay import replaying
from bench.harness.replicas_picture import LINES, draw
from bench.harness.result import read_result
from bench.harness.run import Options, Run
from bench.replicas import METHODS, count_bytes
from local.servers import running
from tests.support.explaining import examples

ROW = 4 * 28 * 28


@pytest.mark.parametrize(
    ("method", "rows", "gradients"), [("IG-50", 3, 1), ("KernelSHAP-200", 202, 0)], ids=["gradients", "scores"]
)
def test_a_replay_answers_as_the_predictor_does_and_counts_the_rows(start_pair, tmp_path, method, rows, gradients):
    pair = start_pair("mnist", 1)
    with replaying(pair.predictor.url) as replay:
        flags = ("--model_name", "mnist", "--predictor_host", replay.host)
        with running("captum_explainer", tmp_path / "explainer.log", *flags) as explainer:
            explainer.wait_until_ready()
            body = json.dumps({"instances": examples("mnist")[:1].tolist(), "parameters": METHODS[method]})
            url = f"{explainer.url}/v1/models/mnist:explain"
            answers = [requests.post(at, body, timeout=60).json() for at in (pair.explain_url, url, url)]
            received, sent = count_bytes("mnist", explainer, replay, METHODS[method])
    assert "explanations" in answers[0]
    assert answers[0] == answers[1] == answers[2]
    # The rows (of a path its start is one), and at most so much for heads and each row's ten scores.
    assert 0 < received - rows * ROW < 2000
    assert 0 < sent - gradients * ROW < 2000 + rows * 40


def test_there_is_a_row_for_each_number_of_servers(monkeypatch):
    monkeypatch.setattr(replicas, "EXPLAINERS", (1,))
    monkeypatch.setattr(replicas, "PREDICTORS", (1,))
    monkeypatch.setattr(replicas, "CLIENTS", (2,))
    monkeypatch.setattr(replicas, "SECONDS", 0.3)
    monkeypatch.setattr(replicas, "METHODS", {"IG-50": METHODS["IG-50"]})
    rows = replicas.measure(Run("replicas", 1, Options()))
    assert [(row["predictors"], row["explainers"], row["clients"]) for row in rows] == [(1, 1, 2), (0, 1, 2)]
    assert rows[0].keys() == rows[1].keys()
    assert rows[0]["bytes_to_predictor"] is None
    assert rows[1]["bytes_to_predictor"] > ROW
    assert all(row["a_second"] > 0 and row["cpus"] > 0 for row in rows)


def test_the_picture_has_a_line_for_each_number_of_predictors(tmp_path):
    draw(read_result(RESULTS / "replicas.json").rows, tmp_path / "replicas.png")
    with Image.open(tmp_path / "replicas.png") as picture:
        colours = {
            f"#{red:02x}{green:02x}{blue:02x}" for _, (red, green, blue) in picture.convert("RGB").getcolors(1 << 20)
        }
    assert colours >= {colour for _, colour, _ in LINES.values()}
