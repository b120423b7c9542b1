"""A server with `--extension_key_file`: who has the key, over REST and gRPC."""

import grpc
import numpy as np
import pytest
from captum_serving.protocol import wire
from captum_serving.protocol.extension_names import EXTENSION_KEY
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import GRPCInferenceServiceStub
from safetensors.torch import load_file

KEY = "correct-horse-battery-staple"
# Identity cotangents at a linear layer give its weights: the gradient of output i is row i.
IDENTITY = {"dropout3": np.zeros((10, 256), np.float32), "cotangent": np.eye(10, dtype=np.float32)}
IMAGE = {"image": np.full((1, 1, 28, 28), 0.5, np.float32)}


@pytest.fixture(scope="module")
def locked(mnist_directory, start_server, tmp_path_factory):
    folder = tmp_path_factory.mktemp("locked")
    (folder / "key").write_text(f"{KEY}\n")
    with start_server(mnist_directory, folder / "log", f"--extension_key_file={folder / 'key'}") as server:
        yield server


def infer_over_rest(server, tensors, key):
    body, length = wire.encode({"parameters": {"binary_data_output": True}}, tensors, "inputs", True)
    headers = {wire.HEADER_LENGTH: str(length)} | ({} if key is None else {EXTENSION_KEY: key})
    response = server.post("/v2/models/mnist/infer", body, **headers)
    if response.status_code != 200:
        return response.status_code, response.json()["error"]
    return 200, wire.decode(response.content, response.headers.get(wire.HEADER_LENGTH), "outputs").tensors


def infer_over_grpc(server, tensors, key):
    inputs = [
        pb.ModelInferRequest.InferInputTensor(name=name, datatype="FP32", shape=array.shape)
        for name, array in tensors.items()
    ]
    raw = [array.tobytes() for array in tensors.values()]
    request = pb.ModelInferRequest(model_name="mnist", inputs=inputs, raw_input_contents=raw)
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        try:
            metadata = None if key is None else [(EXTENSION_KEY, key)]
            answer = GRPCInferenceServiceStub(channel).ModelInfer(request, metadata=metadata, timeout=20)
        except grpc.RpcError as error:
            return {grpc.StatusCode.PERMISSION_DENIED: 403}[error.code()], error.details()
    outputs = zip(answer.outputs, answer.raw_output_contents, strict=True)
    return 200, {output.name: np.frombuffer(raw, np.float32).reshape(output.shape) for output, raw in outputs}


@pytest.mark.parametrize("infer", [infer_over_rest, infer_over_grpc])
def test_gradients_which_give_the_weights_away_need_the_key(locked, mnist_directory, infer):
    status, sentence = infer(locked, IDENTITY, None)
    assert status == 403
    assert "anything else needs the extension's key" in sentence
    status, sentence = infer(locked, IDENTITY, KEY + "r")
    assert status == 403
    assert "is not this server's" in sentence
    status, outputs = infer(locked, IDENTITY, KEY)
    assert status == 200
    np.testing.assert_array_equal(
        outputs["gradient"], load_file(mnist_directory / "model.safetensors")["logits.weight"]
    )


@pytest.mark.parametrize("infer", [infer_over_rest, infer_over_grpc])
def test_predictions_need_no_key(locked, infer):
    status, outputs = infer(locked, IMAGE, None)
    assert (status, list(outputs)) == (200, ["logits"])
    np.testing.assert_array_equal(outputs["logits"], infer(locked, IMAGE, KEY)[1]["logits"])


def test_v1_predictions_need_no_key(locked):
    assert locked.post("/v1/models/mnist:predict", b'{"instances": [%s]}' % str([[0] * 28] * 28).encode()).ok


def test_the_structure_needs_the_key(locked):
    def describe(**headers):
        response = locked.get("/v2/models/mnist", **headers)
        return response.status_code, response.json()

    status, shown = describe()
    assert (status, shown["stages"], shown["extensions"]) == (200, [], [])
    assert not [name for name in ("conv1", "relu1", "dropout3") if name in str(shown)]
    assert describe(**{EXTENSION_KEY: "another key of some length"})[0] == 403
    assert [stage["name"] for stage in describe(**{EXTENSION_KEY: KEY})[1]["stages"]][:2] == ["conv1", "relu1"]


def test_without_the_flag_no_key_is_needed(server):
    assert infer_over_rest(server, IDENTITY, None)[0] == 200
    assert infer_over_rest(server, IDENTITY, "whatever it is")[0] == 200
