"""gRPC answers a text model's V2 requests as REST does."""

import asyncio

import grpc
import numpy as np
import pytest
from captum_predictor.server.kserve_model import KserveModel
from captum_serving.kserve_server.data_plane import FixedRepository, TruthfulDataPlane
from captum_serving.kserve_server.grpc_server import BoundGrpcServer
from kserve import ModelRepository
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import GRPCInferenceServiceStub

from local.servers import free_port

TEXTS = ["a lazy 🤗 dog", ""]


def call(served, method, message):
    async def run():
        repository = ModelRepository()
        repository.update(KserveModel(served.service))
        front = TruthfulDataPlane(repository), FixedRepository(repository)
        limits = {f"grpc_max_{way}_message_length": 1_000_000 for way in ("send", "receive")}
        server = BoundGrpcServer("127.0.0.1", port := free_port(), *front, kwargs=limits)
        serving = asyncio.create_task(server.start(1))
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                return await getattr(GRPCInferenceServiceStub(channel), method)(
                    message, timeout=30, wait_for_ready=True
                )
        finally:
            await server.stop()
            await serving

    return asyncio.run(run())


def text_request(raw):
    message = pb.ModelInferRequest(model_name="tiny")
    message.parameters["sink"].string_param = "tokens"
    entry = message.inputs.add(name="text", datatype="BYTES", shape=[len(TEXTS)])
    encoded = [text.encode() for text in TEXTS]
    if raw:
        message.raw_input_contents.append(b"".join(len(part).to_bytes(4, "little") + part for part in encoded))
    else:
        entry.contents.bytes_contents.extend(encoded)
    return message


def strings(raw):
    found = []
    while raw:
        size = int.from_bytes(raw[:4], "little")
        found.append(raw[4 : 4 + size].decode())
        raw = raw[4 + size :]
    return found


@pytest.mark.parametrize("raw", [True, False])
def test_texts_are_tokenized(bert, raw):
    answer = call(bert, "ModelInfer", text_request(raw))
    expected = bert.tokens(*TEXTS)
    assert [output.name for output in answer.outputs] == list(expected)
    for i, output in enumerate(answer.outputs):
        assert list(output.shape) == list(expected[output.name].shape)
        if output.datatype == "BYTES":
            given = answer.raw_output_contents[i] if raw else None
            got = strings(given) if raw else [part.decode() for part in output.contents.bytes_contents]
        else:
            contents = output.contents.int64_contents
            got = np.frombuffer(answer.raw_output_contents[i], "<i8").tolist() if raw else list(contents)
        assert got == expected[output.name].ravel().tolist()


def test_a_gradient_is_that_of_rest(bert):
    inputs = bert.network_inputs(*TEXTS)
    ids = inputs.pop("input_ids")
    embeddings = bert.infer({"sink": "embeddings"}, input_ids=ids)[1]["embeddings"]
    arrays = {"embeddings": embeddings, "cotangent": np.ones((2, 3), np.float32), **inputs}
    message = pb.ModelInferRequest(model_name="tiny")
    for name, array in arrays.items():
        message.inputs.add(name=name, datatype={"f": "FP32", "i": "INT64"}[array.dtype.kind], shape=array.shape)
        message.raw_input_contents.append(array.tobytes())
    answer = call(bert, "ModelInfer", message)
    expected = bert.infer(**arrays)[1]
    assert [output.name for output in answer.outputs] == ["logits", "gradient"]
    for output, raw in zip(answer.outputs, answer.raw_output_contents, strict=True):
        assert raw == expected[output.name].tobytes()


def test_the_metadata_lists_what_is_taken(bert):
    answer = call(bert, "ModelMetadata", pb.ModelMetadataRequest(name="tiny"))
    listed = [{"name": t.name, "datatype": t.datatype, "shape": list(t.shape)} for t in answer.inputs]
    assert listed == bert.service.describe_model()["inputs"]


@pytest.mark.parametrize("contents", [b"\xff", b"\xc3("])
def test_text_that_is_not_utf_8_is_refused(bert, contents):
    message = pb.ModelInferRequest(model_name="tiny")
    message.inputs.add(name="text", datatype="BYTES", shape=[1]).contents.bytes_contents.append(contents)
    with pytest.raises(grpc.RpcError) as raised:
        call(bert, "ModelInfer", message)
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "text" in raised.value.details()
