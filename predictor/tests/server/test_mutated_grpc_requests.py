"""gRPC requests that are nearly right, by the hundred: no failure, no hang, and the next good one is answered."""

from pathlib import Path

import grpc
import numpy as np
import pytest
from captum_serving.protocol import wire
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import GRPCInferenceServiceStub

NAME = "fashion-mnist"
DIRECTORY = Path(__file__).parents[3] / "models" / NAME
TIMEOUT = 20
IMAGE = np.linspace(0, 1, 2 * 784, dtype=np.float32).reshape(2, 1, 28, 28)
COTANGENT = np.eye(10, dtype=np.float32)[[3, 7]]
CONTENTS = {"f4": "fp32_contents", "u1": "uint_contents"}
TEXTS = [field.name for field in pb.ModelInferRequest.DESCRIPTOR.fields if field.type == field.TYPE_STRING]
# The right one as often as all the wrong ones, which are refused by name.
FIELDS = [field.name for field in pb.InferTensorContents.DESCRIPTOR.fields] + ["fp32_contents"] * 6
REFUSALS = {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.RESOURCE_EXHAUSTED}
# What an exception of Python's, NumPy's or torch's would say, and none of our sentences does.
INSIDE = ("Traceback", "Error", "Exception", " object at ", "NoneType", "not enough values", "reshape", "buffer", "()")


def inference(raw, parameters=None, outputs=(), **tensors):
    request = pb.ModelInferRequest(model_name=NAME, id="a", parameters=parameters)
    for name, tensor in tensors.items():
        entry = request.inputs.add(name=name, datatype=wire.NAMES[tensor.dtype], shape=tensor.shape)
        if raw:
            request.raw_input_contents.append(tensor.tobytes())
        else:
            getattr(entry.contents, CONTENTS[tensor.dtype.str[1:]]).extend(tensor.ravel().tolist())
    for name in outputs:
        request.outputs.add(name=name)
    return request


EXPLAINS = pb.InferParameter(bool_param=True)
TO_CONV2 = {"sink": pb.InferParameter(string_param="conv2"), "explanation": EXPLAINS}
GOOD = [
    inference(True, image=IMAGE),
    inference(False, image=IMAGE),
    inference(False, image=(IMAGE > 0.5).astype(np.uint8)),
    inference(True, TO_CONV2, image=IMAGE),
    inference(True, {"explanation": EXPLAINS}, image=IMAGE, cotangent=COTANGENT),
    inference(False, {"explanation": EXPLAINS}, ["gradient", "logits"], image=IMAGE, cotangent=COTANGENT),
]

words = st.one_of(
    st.sampled_from(["", "é", "\0", "image", "cotangent", "conv1", "logits", "gradient", "sink", "1", "a" * 300]),
    st.text(max_size=4),
)
datatypes = st.sampled_from([*wire.DATATYPES, "BYTES", "BF16", "fp32", "", "a" * 300])
integers = st.sampled_from([-(2**63), -1, 0, 1, 2, 3, 10, 28, 784, 4097, 2**31, 2**62, 2**63 - 1])
numbers = st.sampled_from([0.0, -1.0, 0.5, 1e300, float("inf"), float("nan"), 5e-324])
shapes = st.one_of(st.lists(integers, max_size=5), st.just([1] * 70), st.just([2, 1, 784]), st.just([2**32, 2**32]))
parameters = st.one_of(
    st.just(pb.InferParameter()),
    st.booleans().map(lambda value: pb.InferParameter(bool_param=value)),
    integers.map(lambda value: pb.InferParameter(int64_param=value)),
    words.map(lambda value: pb.InferParameter(string_param=value)),
)
junk = {
    "bool_contents": st.booleans(),
    "int_contents": st.integers(-(2**31), 2**31 - 1),
    "int64_contents": integers,
    "uint_contents": st.integers(0, 2**32 - 1),
    "uint64_contents": st.integers(0, 2**64 - 1),
    "fp32_contents": numbers,
    "fp64_contents": numbers,
    "bytes_contents": st.binary(max_size=4),
}


def change_text(draw, request):
    setattr(request, draw(st.sampled_from(TEXTS)), draw(words))


def change_parameter(draw, request):
    owner = draw(st.sampled_from([request, request, *request.inputs, *request.outputs]))
    name = draw(st.sampled_from(["sink", "sink", "explanation", "binary_data_output", "binary_data_size", "", "é"]))
    owner.parameters[name].CopyFrom(draw(parameters))


def change_description(draw, request):
    if request.inputs:
        tensor = draw(st.sampled_from(request.inputs))
        field = draw(st.sampled_from(["name", "datatype", "shape"]))
        if field == "name":
            tensor.name = draw(words)
        elif field == "datatype":
            tensor.datatype = draw(datatypes)
        else:
            tensor.shape[:] = draw(shapes)


def change_contents(draw, request):
    if request.inputs:
        values = getattr(draw(st.sampled_from(request.inputs)).contents, field := draw(st.sampled_from(FIELDS)))
        place = draw(st.integers(0, len(values)))
        values[place : place + draw(st.sampled_from([0, 1, 784]))] = draw(st.lists(junk[field], max_size=3))


def change_raw(draw, request):
    raw = request.raw_input_contents
    if raw:
        position = draw(st.integers(0, len(raw) - 1))
        place = draw(st.integers(0, len(raw[position])))
        end = place + draw(st.sampled_from([0, 1, 4, 3136]))
        raw[position] = raw[position][:place] + draw(st.binary(max_size=8)) + raw[position][end:]


def change_outputs(draw, request):
    request.outputs.add(name=draw(st.sampled_from(["logits", "gradient", "conv2", "", "é"])))


def repeat_or_remove(draw, request):
    items = getattr(request, draw(st.sampled_from(["inputs", "outputs", "raw_input_contents"])))
    if items:
        position = draw(st.integers(0, len(items) - 1))
        if draw(st.booleans()):
            del items[position]
        else:
            items.append(items[position])


# What is refused at once by its name alone comes less often than what is read first.
CHANGES = (
    *(change_description, change_contents, change_raw, change_parameter) * 4,
    *(repeat_or_remove, change_outputs) * 2,
    change_text,
)


@st.composite
def mutated(draw):
    request = pb.ModelInferRequest()
    request.CopyFrom(draw(st.sampled_from(GOOD)))
    for change in draw(st.lists(st.sampled_from(CHANGES), min_size=1, max_size=2)):
        change(draw, request)
    return request


@pytest.fixture(scope="module")
def stub(start_server, tmp_path_factory):
    """A server of its own: kserve logs a traceback of what it refuses by itself, and others look for those."""
    log = tmp_path_factory.mktemp("server") / "log"
    with (
        start_server(DIRECTORY, log, model_name=NAME) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel,
    ):
        yield GRPCInferenceServiceStub(channel)


@pytest.fixture(scope="module")
def right(stub):
    """The good requests' answers, before all others."""
    return [stub.ModelInfer(request, timeout=TIMEOUT) for request in GOOD]


def test_the_requests_are_good_before_they_are_mutated(right):
    assert [[output.name for output in answer.outputs] for answer in right] == [
        ["logits"],
        ["logits"],
        ["logits"],
        ["conv2"],
        ["logits", "gradient"],
        ["gradient", "logits"],
    ]


def refusal_of(stub, request):
    """The error that a request gets, or None."""
    try:
        stub.ModelInfer(request, timeout=TIMEOUT)
    except grpc.RpcError as error:
        return error
    return None


@settings(
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=400,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(request_=mutated(), next_=st.integers(0, len(GOOD) - 1))
def test_mutated_requests(request_, next_, stub, right):
    refusal = refusal_of(stub, request_)
    if refusal is not None:
        assert refusal.code() in REFUSALS, refusal
        assert not [word for word in INSIDE if word in refusal.details()], refusal
        assert "\n" not in refusal.details()
    assert stub.ModelInfer(GOOD[next_], timeout=TIMEOUT) == right[next_]
