"""The exchanges of tests/contract, replayed against the predictor's own app."""

import asyncio
import json
from collections import OrderedDict
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
from captum_predictor import routes
from captum_predictor.engine import Engine
from captum_predictor.inference import Limits
from captum_predictor.lanes import Lanes
from captum_predictor.model_directory import LoadedModel
from captum_predictor.service import Service
from captum_predictor.stages import split_into_stages
from captum_serving import boundary, wire
from fastapi import FastAPI
from torch import nn

CONTRACT = Path(__file__).parents[2] / "tests" / "contract"
NETWORK = json.loads((CONTRACT / "network.json").read_text())
EXCHANGES = sorted(path.stem for path in CONTRACT.glob("*.json") if path.stem != "network")


def exchange(name):
    return json.loads((CONTRACT / f"{name}.json").read_text())


def tiny():
    """The network of network.json as a loaded model."""
    modules = OrderedDict((stage["name"], module(stage)) for stage in NETWORK["stages"])
    network = nn.Sequential(modules).eval().requires_grad_(False)
    given = NETWORK["input"]
    shape = tuple(given["shape"])
    return LoadedModel(
        kind="tensor",
        labels=tuple(NETWORK["labels"]),
        input_name=given["name"],
        input_shape=shape,
        input_range=tuple(given["range"]),
        baseline=given["baseline"],
        stages=split_into_stages(network, shape),
        digest=NETWORK["digest"],
    )


def module(stage):
    if stage["kind"] != "linear":
        return {"flatten": nn.Flatten, "relu": nn.ReLU}[stage["kind"]]()
    weight = torch.tensor(stage["weight"])
    linear = nn.Linear(weight.shape[1], weight.shape[0])
    linear.load_state_dict({"weight": weight, "bias": torch.tensor(stage["bias"])})
    return linear


def replay(request):
    """Send a recorded request to the predictor's app, in this process."""
    body = json.dumps(request["json"]).encode() if "json" in request else b""
    headers = dict(request["headers"])
    if "tensors_hex" in request:
        headers[wire.HEADER_LENGTH] = str(len(body))
        body += bytes.fromhex(request["tensors_hex"])

    async def send(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://predictor") as client:
            return await client.request(request["method"], request["path"], content=body, headers=headers)

    lanes = Lanes(1, 100, 1)
    app = FastAPI()
    boundary.install(app, 10_000)
    routes.register(app, Service(NETWORK["name"], tiny(), Engine(lanes, "cpu"), Limits(100, 10_000)))
    try:
        return asyncio.run(send(app))
    finally:
        lanes.stop()


@pytest.mark.parametrize("name", EXCHANGES)
def test_the_predictor_answers_as_recorded(name):
    recorded = exchange(name)
    expected = recorded["response"]
    response = replay(recorded["request"])
    assert response.status_code == expected["status"]
    for header, value in expected["headers"].items():
        assert response.headers[header] == value
    header_length = response.headers.get(wire.HEADER_LENGTH)
    assert (header_length is not None) == ("tensors_hex" in expected)
    split = len(response.content) if header_length is None else int(header_length)
    document = json.loads(response.content[:split])
    if response.status_code == 200:
        assert document == expected["json"]
    else:
        assert list(document) == list(expected["json"]) == ["error"]
    assert response.content[split:].hex() == expected.get("tensors_hex", "")


@pytest.mark.parametrize("name", [name for name in EXCHANGES if name.startswith(("infer", "gradient", "segment"))])
def test_the_recorded_numbers_are_the_networks_by_numpy(name):
    recorded = exchange(name)
    given = tensors(recorded["request"], "inputs")
    answered = tensors(recorded["response"], "outputs")
    (source,) = set(given) - {"cotangent"}
    names = ["image", *(stage["name"] for stage in NETWORK["stages"])]
    sink = recorded["request"]["json"].get("parameters", {}).get("sink", "logits")
    stages = NETWORK["stages"][names.index(source) : names.index(sink)]
    value = given[source].reshape(len(given[source]), -1).astype(float)
    jacobian = np.stack([np.eye(value.shape[1])] * len(value))
    for stage in stages:
        if stage["kind"] == "linear":
            value = value @ np.transpose(stage["weight"]) + stage["bias"]
            jacobian = np.array(stage["weight"]) @ jacobian
        elif stage["kind"] == "relu":
            jacobian = jacobian * (value > 0)[:, :, None]
            value = value * (value > 0)
    np.testing.assert_array_equal(answered[sink], value)
    assert ("gradient" in answered) == ("cotangent" in given)
    if "cotangent" in given:
        gradient = np.einsum("ns,nsi->ni", given["cotangent"], jacobian)
        np.testing.assert_array_equal(answered["gradient"], gradient.reshape(given[source].shape))


def tensors(message, side):
    header = json.dumps(message["json"]).encode()
    length = str(len(header)) if "tensors_hex" in message else None
    return wire.decode(header + bytes.fromhex(message.get("tensors_hex", "")), length, side).tensors
