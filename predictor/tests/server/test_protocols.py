"""V1, V2 in JSON and binary, and gRPC, against a running server, by other people's clients where there are any."""

import json
import subprocess
import sys
from pathlib import Path

import grpc
import numpy as np
import pytest
import requests
import torch
import tritonclient.http
from captum_serving.protocol import wire
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import GRPCInferenceServiceStub

TRITON_OVER_GRPC = Path(__file__).parent / "clients" / "triton_over_grpc.py"


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((13, 1, 28, 28), np.float32)


@pytest.fixture(scope="module")
def logits(mnist, images):
    value = torch.from_numpy(images)
    for stage in mnist.stages:
        value = stage.module(value)
    return value.numpy()


@pytest.fixture(scope="module")
def gradient(mnist, images):
    leaf = torch.from_numpy(images).requires_grad_(True)
    value = leaf
    for stage in mnist.stages:
        value = stage.module(value)
    return torch.autograd.grad(value[:, 3].sum(), leaf)[0].numpy()


@pytest.fixture(scope="module")
def cotangent(images):
    return np.eye(10, dtype=np.float32)[np.full(len(images), 3)]


def post_binary(server, document, tensors):
    body, header_length = wire.encode(document, tensors, "inputs", True)
    response = server.post("/v2/models/mnist/infer", body, **{wire.HEADER_LENGTH: str(header_length)})
    assert response.status_code == 200, response.text
    return response, wire.decode(response.content, response.headers.get(wire.HEADER_LENGTH), "outputs")


@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded", "text/plain", ""])
def test_v1_gives_probabilities_whatever_the_content_type(server, images, logits, content_type):
    body = json.dumps({"instances": images.tolist()})
    response = server.post("/v1/models/mnist:predict", body, Content_Type=content_type)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert list(response.json()) == ["predictions"]
    expected = torch.softmax(torch.from_numpy(logits).double(), 1)
    np.testing.assert_allclose(response.json()["predictions"], expected, rtol=1e-6)


def test_v2_json_gives_the_logits_and_the_id(server, mnist, images, logits):
    tensor = {"name": "image", "datatype": "FP32", "shape": list(images.shape), "data": images.ravel().tolist()}
    response = server.post("/v2/models/mnist/infer", json.dumps({"id": "seven", "inputs": [tensor]}))
    answer = response.json()
    assert response.headers["content-type"] == "application/json"
    assert wire.HEADER_LENGTH not in response.headers
    assert answer["model_name"] == "mnist"
    assert answer["id"] == "seven"
    assert answer["parameters"] == {"model_digest": mnist.digest}
    (output,) = answer["outputs"]
    assert (output["name"], output["datatype"], output["shape"]) == ("logits", "FP32", [13, 10])
    np.testing.assert_array_equal(np.float32(output["data"]).reshape(13, 10), logits)


def test_v2_binary_gives_the_value_and_the_gradient(server, mnist, images, cotangent, logits, gradient):
    document = {"parameters": {"binary_data_output": True, "explanation": True}}
    response, message = post_binary(server, document, {"image": images, "cotangent": cotangent})
    assert response.headers["content-type"] == "application/octet-stream"
    assert list(message.tensors) == ["logits", "gradient"]
    assert message.parameters == {"model_digest": mnist.digest}
    np.testing.assert_array_equal(message.tensors["logits"], logits)
    np.testing.assert_array_equal(message.tensors["gradient"], gradient)


def test_two_segments_compose_to_the_whole(server, images, cotangent, logits, gradient):
    binary = {"binary_data_output": True}
    _, below = post_binary(server, {"parameters": {**binary, "sink": "pool1"}}, {"image": images})
    pooled = below.tensors["pool1"]
    _, above = post_binary(server, {"parameters": binary}, {"pool1": pooled, "cotangent": cotangent})
    np.testing.assert_array_equal(above.tensors["logits"], logits)
    parameters = {**binary, "sink": "pool1"}
    tensors = {"image": images, "cotangent": above.tensors["gradient"]}
    _, back = post_binary(server, {"parameters": parameters}, tensors)
    np.testing.assert_array_equal(back.tensors["gradient"], gradient)


def test_one_output_may_go_as_bytes_and_the_other_as_json(server, images, cotangent):
    outputs = [{"name": "gradient", "parameters": {"binary_data": True}}, {"name": "logits"}]
    response, message = post_binary(server, {"outputs": outputs}, {"image": images, "cotangent": cotangent})
    header = json.loads(response.content[: int(response.headers[wire.HEADER_LENGTH])])
    assert [output["name"] for output in header["outputs"]] == ["gradient", "logits"]
    assert "data" not in header["outputs"][0]
    assert len(header["outputs"][1]["data"]) == 130
    assert message.tensors["gradient"].shape == images.shape


def test_uint8_is_converted(server, logits):
    pixels = (np.random.default_rng(0).random((13, 1, 28, 28)) > 0.5).astype(np.uint8)
    outputs = [post_binary(server, {}, {"image": pixels.astype(dtype)})[1] for dtype in (np.uint8, np.float32)]
    np.testing.assert_array_equal(outputs[0].tensors["logits"], outputs[1].tensors["logits"])


@pytest.mark.parametrize("binary", [True, False])
def test_tritonclient_over_rest_gets_the_prediction_and_the_gradient(
    server, images, cotangent, logits, gradient, binary
):
    client = tritonclient.http.InferenceServerClient(f"127.0.0.1:{server.http_port}")
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("mnist")
    inputs = triton_inputs(binary, image=images, cotangent=cotangent)
    outputs = [tritonclient.http.InferRequestedOutput("logits", binary_data=binary)]
    plain = client.infer("mnist", inputs[:1], outputs=outputs, request_id="9")
    np.testing.assert_array_equal(plain.as_numpy("logits"), logits)
    assert plain.get_response()["id"] == "9"
    extended = client.infer("mnist", inputs, parameters={"sink": "logits", "explanation": True})
    np.testing.assert_array_equal(extended.as_numpy("gradient"), gradient)
    client.close()


def test_tritonclient_over_grpc_gets_the_prediction_and_the_gradient(
    server, mnist, images, cotangent, logits, gradient, tmp_path
):
    np.savez(tmp_path / "arrays.npz", image=images, cotangent=cotangent)
    command = [sys.executable, TRITON_OVER_GRPC, f"127.0.0.1:{server.grpc_port}", tmp_path / "arrays.npz"]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout)
    assert answer["live"]
    assert answer["ready"]
    assert "extensions" not in answer["server"]
    assert answer["metadata"]["inputs"] == [{"name": "image", "datatype": "FP32", "shape": ["-1", "1", "28", "28"]}]
    assert answer["metadata"]["outputs"] == [{"name": "logits", "datatype": "FP32", "shape": ["-1", "10"]}]
    assert answer["id"] == "9"
    assert answer["digest"] == mnist.digest
    np.testing.assert_array_equal(np.float32(answer["logits"]), logits)
    np.testing.assert_array_equal(np.float32(answer["gradient"]), gradient)
    assert answer["upper outputs"] == ["gradient"]
    weight = mnist.stages[-1].module.weight[3].numpy()
    np.testing.assert_array_equal(np.float32(answer["upper gradient"]), np.tile(weight, (13, 1)))


def triton_inputs(binary_data, **tensors):
    inputs = []
    for name, tensor in tensors.items():
        entry = tritonclient.http.InferInput(name, list(tensor.shape), "FP32")
        entry.set_data_from_numpy(tensor, binary_data)
        inputs.append(entry)
    return inputs


def test_grpc_takes_typed_contents_and_answers_with_them(server, images, logits):
    tensor = pb.ModelInferRequest.InferInputTensor(name="image", datatype="FP32", shape=images.shape)
    tensor.contents.fp32_contents.extend(images.ravel().tolist())
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        request = pb.ModelInferRequest(model_name="mnist", inputs=[tensor])
        answer = GRPCInferenceServiceStub(channel).ModelInfer(request, timeout=30)
    (output,) = answer.outputs
    assert list(output.shape) == [13, 10]
    assert not answer.raw_output_contents
    np.testing.assert_array_equal(np.float32(output.contents.fp32_contents).reshape(13, 10), logits)


def test_the_metadata_says_what_an_explainer_needs(server, mnist):
    metadata = server.get("/v2/models/mnist").json()
    assert metadata == {
        "name": "mnist",
        "versions": [],
        "platform": "kserve-captum",
        "inputs": [{"name": "image", "datatype": "FP32", "shape": [-1, 1, 28, 28]}],
        "outputs": [{"name": "logits", "datatype": "FP32", "shape": [-1, 10]}],
        "stages": [stage.describe() for stage in mnist.stages],
        "labels": [str(digit) for digit in range(10)],
        "input_range": [0.0, 1.0],
        "baseline": 0.0,
        "model_digest": mnist.digest,
        "extensions": ["vector_jacobian_product", "gradient_of_predicted", "values_of_stages", "path_integral"],
        "max_rows": 4096,
        "max_body_bytes": 64 * 2**20,
    }


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("/v1/models", {"models": ["mnist"]}),
        ("/v1/models/mnist", {"name": "mnist", "ready": True}),
        ("/v2/models/mnist/ready", {"name": "mnist", "ready": True}),
        ("/v2/health/live", {"live": True}),
        ("/v2/health/ready", {"ready": True}),
        ("/", {"status": "alive"}),
    ],
)
def test_liveness_and_readiness_are_kserves(server, path, document):
    response = server.get(path)
    assert response.status_code == 200
    assert response.json() == document


def test_the_server_says_which_extensions_it_has(server):
    assert server.get("/v2").json()["extensions"] == ["binary_tensor_data", "vector_jacobian_product"]


def test_nothing_of_the_requests_headers_comes_back(server, images):
    body = json.dumps({"instances": images[:1].tolist()})
    response = server.post("/v1/models/mnist:predict", body, Authorization="Bearer s3cret", X_Custom="s3cret")
    assert "s3cret" not in str(response.headers) + response.text


def test_the_metrics_count_requests_by_kind_and_status(server, images):
    body = json.dumps({"instances": images[:1].tolist()})
    assert server.post("/v1/models/mnist:predict", body).ok
    assert server.post("/v1/models/mnist:predict", b"{}").status_code == 400
    text = requests.get(server.url + "/metrics", timeout=30).text
    assert 'captum_predictor_requests_total{kind="v1_predict",status="200"}' in text
    assert 'captum_predictor_requests_total{kind="v1_predict",status="400"}' in text
    assert 'captum_predictor_request_seconds_bucket{kind="v1_predict"' in text
    assert 'captum_predictor_chunk_seconds_count{computed="value"}' in text
    assert 'captum_predictor_queue_rows{priority="explanation"} 0.0' in text
