"""The exchanges of tests/contract, replayed against the predictor's own app, and those of V2 over gRPC too."""

import asyncio
import json
import socket
from collections import OrderedDict
from contextlib import contextmanager
from pathlib import Path

import grpc
import httpx
import numpy as np
import pytest
import torch
from captum_predictor.engine.engine import Engine
from captum_predictor.engine.lanes import Lanes
from captum_predictor.graph.stages import split_into_stages
from captum_predictor.kinds.tensor import TensorKind
from captum_predictor.model.description import ModelDescription
from captum_predictor.model.directory import LoadedModel
from captum_predictor.protocol.inference import Limits
from captum_predictor.server.kserve_model import KserveModel
from captum_predictor.server.routes import build_routes
from captum_predictor.server.service import Service
from captum_serving.boundary.front import build_application
from captum_serving.boundary.limits import Bodies
from captum_serving.documents import read_document
from captum_serving.kserve_server.data_plane import FixedRepository, TruthfulDataPlane
from captum_serving.kserve_server.grpc_server import BoundGrpcServer
from captum_serving.limits import DEFAULT_LIMITS
from captum_serving.protocol import wire
from kserve import ModelRepository
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import GRPCInferenceServiceStub
from torch import nn

CONTRACT = Path(__file__).parents[3] / "tests" / "contract"
NETWORK = json.loads((CONTRACT / "network.json").read_text())
EXCHANGES = sorted(path.stem for path in CONTRACT.glob("*.json") if path.stem != "network")
CODES = {400: grpc.StatusCode.INVALID_ARGUMENT}


def exchange(name):
    return json.loads((CONTRACT / f"{name}.json").read_text())


INFERENCES = [name for name in EXCHANGES if exchange(name)["request"]["path"] == "/v2/models/tiny/infer"]


def tiny():
    """The network of network.json as a loaded model."""
    modules = OrderedDict((stage["name"], module(stage)) for stage in NETWORK["stages"])
    network = nn.Sequential(modules).eval().requires_grad_(False)
    given = NETWORK["input"]
    shape = tuple(given["shape"])
    document = {"kind": "tensor", "architecture": "tiny", "labels": NETWORK["labels"], "input": given}
    description = read_document(ModelDescription, json.dumps(document))
    return LoadedModel(given["name"], shape, split_into_stages(network, shape), NETWORK["digest"], description)


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

    with served() as service:
        return asyncio.run(send(build_application(build_routes(service), "predictor", Bodies(DEFAULT_LIMITS))))


@contextmanager
def served():
    lanes = Lanes(1, 100, 1)
    try:
        yield Service(NETWORK["name"], TensorKind(tiny()), Engine(lanes, "cpu"), Limits(100, 10_000))
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


def over_grpc(method, message):
    """Call kserve's gRPC server over the predictor, in this process."""

    async def call(service):
        repository = ModelRepository()
        repository.update(KserveModel(service))
        front = TruthfulDataPlane(repository), FixedRepository(repository)
        limits = {f"grpc_max_{way}_message_length": 10_000 for way in ("send", "receive")}
        server = BoundGrpcServer("127.0.0.1", port := free_port(), *front, kwargs=limits)
        serving = asyncio.create_task(server.start(1))
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                send = getattr(GRPCInferenceServiceStub(channel), method)
                return await send(message, timeout=30, wait_for_ready=True)
        finally:
            await server.stop()
            await serving

    with served() as service:
        return asyncio.run(call(service))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def grpc_request(request):
    """A recorded request as gRPC has it: its tensors raw where they were bytes, and nothing said of how they go."""
    document = request["json"]
    raw = "tensors_hex" in request
    message = pb.ModelInferRequest(model_name=NETWORK["name"], id=document.get("id", ""))
    for name, value in document.get("parameters", {}).items():
        if name != "binary_data_output":
            kind = {bool: "bool_param", int: "int64_param", str: "string_param"}[type(value)]
            message.parameters[name].CopyFrom(pb.InferParameter(**{kind: value}))
    for name, tensor in tensors(request, "inputs").items():
        entry = message.inputs.add(name=name, datatype="FP32", shape=tensor.shape)
        if raw:
            message.raw_input_contents.append(tensor.tobytes())
        else:
            entry.contents.fp32_contents.extend(tensor.ravel().tolist())
    for output in document.get("outputs", []):
        message.outputs.add(name=output["name"])
    return message


def as_recorded(answer):
    """What gRPC answered, as the recorded REST response has it: its JSON, and its tensors' bytes in hexadecimal."""
    outputs = []
    for i, output in enumerate(answer.outputs):
        entry = {"name": output.name, "datatype": output.datatype, "shape": list(output.shape)}
        if answer.raw_output_contents:
            entry["parameters"] = {"binary_data_size": len(answer.raw_output_contents[i])}
        else:
            entry["data"] = list(output.contents.fp32_contents)
        outputs.append(entry)
    parameters = {name: value.string_param for name, value in answer.parameters.items()}
    document = {"model_name": answer.model_name, "parameters": parameters, "outputs": outputs}
    return document | ({"id": answer.id} if answer.id else {}), b"".join(answer.raw_output_contents).hex()


@pytest.mark.parametrize("name", INFERENCES)
def test_over_grpc_the_predictor_answers_as_recorded_over_rest(name):
    recorded = exchange(name)
    expected = recorded["response"]
    if expected["status"] == 200:
        answer = over_grpc("ModelInfer", grpc_request(recorded["request"]))
        assert as_recorded(answer) == (expected["json"], expected.get("tensors_hex", ""))
    else:
        with pytest.raises(grpc.RpcError) as raised:
            over_grpc("ModelInfer", grpc_request(recorded["request"]))
        assert raised.value.code() is CODES[expected["status"]]


def test_over_grpc_the_metadata_is_as_recorded_over_rest():
    expected = exchange("metadata")["response"]["json"]
    answer = over_grpc("ModelMetadata", pb.ModelMetadataRequest(name=NETWORK["name"]))
    assert (answer.name, list(answer.versions)) == (expected["name"], expected["versions"])
    for side in ("inputs", "outputs"):
        described = [{"name": t.name, "datatype": t.datatype, "shape": list(t.shape)} for t in getattr(answer, side)]
        assert described == expected[side]


@pytest.mark.parametrize(
    "name", [name for name in EXCHANGES if name.startswith(("infer", "gradient", "segment", "values", "path"))]
)
def test_the_recorded_numbers_are_the_networks_by_numpy(name):
    recorded = exchange(name)
    given = tensors(recorded["request"], "inputs")
    answered = tensors(recorded["response"], "outputs")
    (source,) = [name for name in given if name != "cotangent" and not name.startswith("path_")]
    parameters = recorded["request"]["json"].get("parameters", {})
    sink, by = parameters.get("sink", "logits"), parameters.get("gradient_source", source)
    values, jacobian = computed(source, sink, by, given[source])
    assert sink in answered
    for name in answered.keys() - {"gradient"}:
        np.testing.assert_array_equal(answered[name], values[name])
    first, cotangent = parameters.get("gradient_from", 0), given.get("cotangent")
    if "predicted_rows" in parameters:
        predicted = [(i - first) % parameters["predicted_rows"] for i in range(first, len(values[sink]))]
        cotangent = np.eye(values[sink].shape[1])[values[sink][predicted].argmax(axis=1)]
    assert ("gradient" in answered) == (cotangent is not None)
    if "path_start" in given:
        starts = given["path_start"]
        gradient, cotangent = 0.0, cotangent[: len(starts)]
        for node, weight in zip(given["path_nodes"], given["path_weights"], strict=True):
            points, jacobian = computed(source, sink, by, starts + node * (given[source][: len(starts)] - starts))
            gradient = gradient + weight * np.einsum("ns,nsi->ni", cotangent, jacobian).reshape(points[by].shape)
        np.testing.assert_array_equal(answered["gradient"], gradient)
    elif cotangent is not None:
        gradient = np.einsum("ns,nsi->ni", cotangent, jacobian[first:])
        np.testing.assert_array_equal(answered["gradient"], gradient.reshape(values[by][first:].shape))


def computed(source, sink, by, rows):
    """The values of the stages between, by their names, and the Jacobian of the sink by `by`."""
    names = ["image", *(stage["name"] for stage in NETWORK["stages"])]
    values = {source: rows}
    value = rows.reshape(len(rows), -1).astype(float)
    jacobian = np.stack([np.eye(value.shape[1])] * len(value))
    for stage in NETWORK["stages"][names.index(source) : names.index(sink)]:
        if stage["kind"] == "linear":
            value = value @ np.transpose(stage["weight"]) + stage["bias"]
            jacobian = np.array(stage["weight"]) @ jacobian
        elif stage["kind"] == "relu":
            jacobian = jacobian * (value > 0)[:, :, None]
            value = value * (value > 0)
        values[stage["name"]] = value
        if stage["name"] == by:
            jacobian = np.stack([np.eye(value.shape[1])] * len(value))
    return values, jacobian


def tensors(message, side):
    header = json.dumps(message["json"]).encode()
    length = str(len(header)) if "tensors_hex" in message else None
    return wire.decode(header + bytes.fromhex(message.get("tensors_hex", "")), length, side).tensors
