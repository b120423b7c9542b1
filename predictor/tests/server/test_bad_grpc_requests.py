"""What a client may get wrong over gRPC, against a running server: each gets its code and a sentence."""

import grpc
import numpy as np
import pytest
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import GRPCInferenceServiceStub

IMAGE = np.zeros((2, 1, 28, 28), np.float32)
RAW = IMAGE.tobytes()


@pytest.fixture(scope="module")
def stub(server):
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        yield GRPCInferenceServiceStub(channel)


def request_of(name="image", datatype="FP32", shape=IMAGE.shape, raw=RAW, **request):
    entry = pb.ModelInferRequest.InferInputTensor(name=name, datatype=datatype, shape=shape)
    return pb.ModelInferRequest(**{"model_name": "mnist", "inputs": [entry], "raw_input_contents": [raw], **request})


Code = grpc.StatusCode
CASES = {
    "an unknown model": (request_of(model_name="cifar"), Code.NOT_FOUND, "model 'cifar' is not known; this server"),
    "a version": (request_of(model_version="2"), Code.NOT_FOUND, "model 'mnist' has no version '2'"),
    "an unknown input": (request_of("picture"), Code.INVALID_ARGUMENT, "inputs are 'picture'; expected 'image'"),
    "an unknown datatype": (
        request_of(datatype="BYTES"),
        Code.INVALID_ARGUMENT,
        "image: datatype is 'BYTES'; expected",
    ),
    "a negative size": (request_of(shape=[-1, 1, 28, 28]), Code.INVALID_ARGUMENT, "image: shape is [-1, 1, 28, 28]"),
    "too few bytes": (
        request_of(raw=b"1234"),
        Code.INVALID_ARGUMENT,
        "image: its contents do not fit; expected 1568",
    ),
    "no whole number of values": (request_of(raw=b"123"), Code.INVALID_ARGUMENT, "image: its contents do not fit"),
    "no inputs": (pb.ModelInferRequest(model_name="mnist"), Code.INVALID_ARGUMENT, "inputs are none; expected 'image'"),
    "NaN": (
        request_of(raw=np.full_like(IMAGE, np.nan).tobytes()),
        Code.INVALID_ARGUMENT,
        "image: holds NaN, infinity or a number too large for FP32",
    ),
    "an unknown sink": (
        request_of(parameters={"sink": pb.InferParameter(string_param="conv9")}),
        Code.INVALID_ARGUMENT,
        "sink is 'conv9'; expected a stage after 'image'",
    ),
    "too many rows": (
        request_of(datatype="UINT8", shape=[4097, 1, 28, 28], raw=bytes(4097 * 784)),
        Code.RESOURCE_EXHAUSTED,
        "image: has 4097 rows; expected at most 4096",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_bad_grpc_request_gets_its_code_and_a_sentence(stub, name):
    request, code, sentence = CASES[name]
    with pytest.raises(grpc.RpcError) as raised:
        stub.ModelInfer(request, timeout=30)
    assert (raised.value.code(), raised.value.details()[: len(sentence)]) == (code, sentence)


def test_grpc_refuses_load_and_unload(stub):
    for call, request in (
        (stub.RepositoryModelLoad, pb.RepositoryModelLoadRequest(model_name="mnist")),
        (stub.RepositoryModelUnload, pb.RepositoryModelUnloadRequest(model_name="mnist")),
    ):
        with pytest.raises(grpc.RpcError) as raised:
            call(request, timeout=30)
        assert raised.value.code() is Code.PERMISSION_DENIED
    assert stub.ModelReady(pb.ModelReadyRequest(name="mnist"), timeout=30).ready


def test_the_next_good_request_is_answered_after_all_of_them(server, stub):
    assert list(stub.ModelInfer(request_of(), timeout=30).outputs[0].shape) == [2, 10]
    assert "Traceback" not in server.log.read_text()
