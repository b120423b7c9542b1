"""The exchanges of tests/contract/text: what the explainer may rely on, of a network whose weights do not matter."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from captum_predictor.kinds.load import load_kind
from captum_serving.protocol import wire
from transformers import AutoConfig, AutoModelForSequenceClassification

CONTRACT = Path(__file__).parents[4] / "tests" / "contract" / "text"
EXCHANGES = sorted(path.stem for path in CONTRACT.glob("*.json"))
DIGEST = "c0de0000000000000000000000000000000000000000000000000000c0de0002"


def exchange(name):
    return json.loads((CONTRACT / f"{name}.json").read_text())


@pytest.fixture(scope="module")
def served(serve_kind, tmp_path_factory):
    directory = shutil.copytree(CONTRACT / "model", tmp_path_factory.mktemp("contract") / "model")
    torch.manual_seed(0)
    AutoModelForSequenceClassification.from_config(AutoConfig.from_pretrained(directory)).save_pretrained(directory)
    kind = load_kind(directory)
    kind.model = replace(kind.model, digest=DIGEST)
    return serve_kind(kind)


@pytest.mark.parametrize("name", EXCHANGES)
def test_the_predictor_answers_as_recorded(served, name):
    recorded = exchange(name)
    request, expected = recorded["request"], recorded["response"]
    body = json.dumps(request["json"]).encode() if "json" in request else b""
    headers = dict(request["headers"])
    if "tensors_hex" in request:
        headers[wire.HEADER_LENGTH] = str(len(body))
        body += bytes.fromhex(request["tensors_hex"])
    response = served.request(request["method"], request["path"], body, **headers)
    assert response.status_code == expected["status"], response.text
    for header, value in expected["headers"].items():
        assert response.headers[header] == value
    length = response.headers.get(wire.HEADER_LENGTH)
    document = json.loads(response.content[: None if length is None else int(length)])
    if response.status_code == 200:
        assert document == expected["json"]
    else:
        assert list(document) == list(expected["json"]) == ["error"]
    if length is not None:  # the numbers are the weights' matter: their count is not
        sizes = [output["parameters"]["binary_data_size"] for output in document["outputs"]]
        assert len(response.content) == int(length) + sum(sizes)


def test_every_kind_of_exchange_is_there():
    assert EXCHANGES == ["error_unknown_id", "gradient_binary", "metadata", "tokens_json"]
