"""What a client may get wrong, against a running server: each gets its status and a sentence."""

import gzip
import json

import numpy as np
import pytest
import requests
from captum_serving.protocol import wire

PREDICT = "/v1/models/mnist:predict"
INFER = "/v2/models/mnist/infer"
IMAGE = np.zeros((2, 1, 28, 28), np.float32)
RAW = IMAGE.tobytes()


def tensor(name="image", datatype="FP32", shape=(1, 1, 28, 28), data=(0.0,) * 784, **more):
    return {"name": name, "datatype": datatype, "shape": list(shape), "data": list(data), **more}


def inputs(*tensors, **document):
    return json.dumps({"inputs": list(tensors), **document})


def binary(change_header=lambda header: header, cut=None, more=b"", length=None, image=IMAGE):
    body, split = wire.encode({}, {"image": image}, "inputs", True)
    header = json.dumps(change_header(json.loads(body[:split]))).encode()
    return (header + body[split:] + more)[:cut], {wire.HEADER_LENGTH: str(len(header)) if length is None else length}


def with_size(size):
    def change(header):
        header["inputs"][0]["parameters"]["binary_data_size"] = size
        return header

    return change


def instances(*rows):
    return json.dumps({"instances": rows})


def picture(value):
    return np.full((28, 28), value).tolist()


def nested(depth):
    return "[" * depth + "]" * depth


# name: (path, body or (body, headers), status, the sentence's beginning)
CASES = {
    "v1: no body": (PREDICT, b"", 400, "the body is not JSON ("),
    "v1: not JSON": (PREDICT, b"instances=1", 400, "the body is not JSON ("),
    "v1: not UTF-8": (PREDICT, b'{"instances": "\xff"}', 400, "the body is not JSON ("),
    "v1: NaN is no JSON": (PREDICT, '{"instances": [NaN]}', 400, "the body is not JSON ("),
    "v1: a list": (PREDICT, "[]", 400, "the body is not a JSON object; expected an object with 'instances'"),
    "v1: no instances": (PREDICT, "{}", 400, "'instances' is missing or empty; expected a list"),
    "v1: no instance": (PREDICT, instances(), 400, "'instances' is missing or empty"),
    "v1: V2's inputs": (PREDICT, inputs(tensor()), 400, "'instances' is missing or empty"),
    "v1: a wrong shape": (PREDICT, instances([[1, 2]]), 400, "instances: shape is [1, 1, 2]; expected [n, 1, 28, 28]"),
    "v1: ragged": (PREDICT, instances([[1, 2], [3]]), 400, "instances: rows of different length or depth; expected"),
    "v1: words": (PREDICT, instances([["a"]]), 400, "instances: holds something that is not a number; expected"),
    "v1: an encoded picture": (PREDICT, instances({"b64": "aGk="}), 400, "instances: holds something that is not"),
    "v1: grey levels": (
        PREDICT,
        instances(picture(255)),
        400,
        "image: values are 255 to 255; expected 0 to 1, the range",
    ),
    "v1: a huge number": (PREDICT, instances(picture(1e300)), 400, "instances: holds NaN, infinity or a number too"),
    "v1: a huge integer": (PREDICT, instances([[10**30]]), 400, "instances: "),
    "v1: a thousand levels": (PREDICT, '{"instances": ' + nested(1000) + "}", 400, "instances: rows of different"),
    "v1: a hundred thousand levels": (PREDICT, '{"instances": ' + nested(100_000) + "}", 400, "the body is not JSON ("),
    "v1: compressed": (
        PREDICT,
        (gzip.compress(instances(picture(0)).encode()), {"Content-Encoding": "gzip"}),
        400,
        "Content-Encoding is 'gzip'; expected none: send the body uncompressed",
    ),
    "v1: an unknown model": (
        "/v1/models/cifar:predict",
        instances(picture(0)),
        404,
        "model 'cifar' is not known; this server has 'mnist'",
    ),
    "v1: an explanation": (
        "/v1/models/mnist:explain",
        instances(picture(0)),
        404,
        "this is the predictor; explanations are the explainer's: send :explain there",
    ),
    "v2: an unknown model": (
        "/v2/models/cifar/infer",
        inputs(tensor()),
        404,
        "model 'cifar' is not known; this server",
    ),
    "v2: a version": (
        "/v2/models/mnist/versions/3/infer",
        inputs(tensor()),
        404,
        "model 'mnist' has no version '3'; expected none",
    ),
    "v2: an unknown path": (
        "/v2/models/mnist/explain",
        "{}",
        404,
        "the predictor has nothing at /v2/models/mnist/explain",
    ),
    "v2: a list": (INFER, "[1]", 400, "the body is a list; expected a JSON object with 'inputs'"),
    "v2: no inputs": (INFER, "{}", 400, "'inputs' is missing or null; expected a list of one or more tensors"),
    "v2: no tensor": (INFER, inputs(), 400, "'inputs' is an empty list; expected a list of one or more tensors"),
    "v2: a tensor that is a number": (INFER, inputs(7), 400, "inputs: got a number without a 'name'; expected objects"),
    "v2: an unknown input": (
        INFER,
        inputs(tensor("input-0")),
        400,
        "inputs are 'input-0'; expected 'image', the model's",
    ),
    "v2: an input twice": (INFER, inputs(tensor(), tensor()), 400, "inputs: 'image' is there twice; expected each"),
    "v2: an unknown datatype": (
        INFER,
        inputs(tensor(datatype="BF16")),
        400,
        "image: datatype is 'BF16'; expected one of",
    ),
    "v2: BYTES": (INFER, inputs(tensor(datatype="BYTES")), 400, "image: datatype is 'BYTES'; expected one of BOOL"),
    "v2: a shape with -1": (
        INFER,
        inputs(tensor(shape=[-1, 1, 28, 28])),
        400,
        "image: shape is [-1, 1, 28, 28]; expected",
    ),
    "v2: too few numbers": (
        INFER,
        inputs(tensor(data=[0.0])),
        400,
        "image: data has 1 numbers; expected 784 for the shape",
    ),
    "v2: no data": (INFER, inputs({"name": "image", "datatype": "FP32", "shape": [1]}), 400, "image: data is missing"),
    "v2: a wrong shape": (
        INFER,
        inputs(tensor(shape=[1, 784])),
        400,
        "image: shape is [1, 784]; expected [n, 1, 28, 28]",
    ),
    "v2: no rows": (
        INFER,
        inputs(tensor(shape=[0, 1, 28, 28], data=[])),
        400,
        "image: has 0 rows; expected at least 1",
    ),
    "v2: out of range": (INFER, inputs(tensor(data=[-1.0] * 784)), 400, "image: values are -1 to -1; expected 0 to 1"),
    "v2: an unknown sink": (
        INFER,
        inputs(tensor(), parameters={"sink": "conv9"}),
        400,
        "sink is 'conv9'; expected a stage after 'image': conv1, relu1, pool1",
    ),
    "v2: a sink before the source": (
        INFER,
        inputs(tensor("linear1", shape=[1, 256], data=[0.0] * 256), parameters={"sink": "conv1"}),
        400,
        "sink is 'conv1'; expected a stage after 'linear1': relu3, dropout3, logits",
    ),
    "v2: a cotangent that does not fit": (
        INFER,
        inputs(tensor(), tensor("cotangent", shape=[1, 784])),
        400,
        "cotangent: shape is [1, 784]; expected [1, 10], that of 'logits' for these rows",
    ),
    "v2: an unknown output": (INFER, inputs(tensor(), outputs=[{"name": "probabilities"}]), 400, "outputs: got 'prob"),
    "v2: parameters that are a word": (INFER, inputs(tensor(), parameters="sink"), 400, "parameters is not an object"),
    "v2: an id that is a number": (INFER, inputs(tensor(), id=7), 400, "id is not a string; expected a string or none"),
    "v2: too many rows": (
        INFER,
        binary(image=np.zeros((4097, 1, 28, 28), np.uint8)),
        413,
        "image: has 4097 rows; expected at most 4096 in one request",
    ),
    "v2: too large an answer": (
        INFER,
        inputs(tensor(shape=[1000, 1, 28, 28], data=[0.0] * 784_000), parameters={"sink": "conv1"}),
        413,
        "the answer for 1000 rows has 200704000 bytes; expected at most 67108864: send fewer rows",
    ),
    "a body over the limit": (INFER, b" " * (64 * 2**20 + 1), 413, "the body has 67108865 bytes; expected at most"),
    "binary: a header length that is no number": (
        INFER,
        binary(length="ten"),
        400,
        "Inference-Header-Content-Length is 'ten'; expected a number of 0 to",
    ),
    "binary: a negative header length": (INFER, binary(length="-1"), 400, "Inference-Header-Content-Length is '-1'"),
    "binary: a header length past the end": (
        INFER,
        binary(length="99999999"),
        400,
        "Inference-Header-Content-Length is",
    ),
    "binary: a header length in the middle": (INFER, binary(length="10"), 400, "the body is not JSON ("),
    "binary: without the header length": (INFER, binary()[0], 400, "the body is not JSON ("),
    "binary: cut off": (INFER, binary(cut=-1), 400, "image: the body ends 1 bytes too early; expected 6272 bytes"),
    "binary: bytes left over": (
        INFER,
        binary(more=b"1234"),
        400,
        "the body has 4 bytes after its last tensor; expected",
    ),
    "binary: a wrong size": (
        INFER,
        binary(with_size(6271)),
        400,
        "image: binary_data_size is 6271; expected 6272 bytes",
    ),
    "binary: a negative size": (
        INFER,
        binary(with_size(-1)),
        400,
        "image: binary_data_size is -1; expected 6272 bytes",
    ),
    "binary: NaN": (
        INFER,
        binary(image=np.full_like(IMAGE, np.nan)),
        400,
        "image: holds NaN, infinity or a number too",
    ),
    "repository: load": ("/v2/repository/models/mnist/load", "", 403, "models are loaded when the server starts"),
    "repository: unload": ("/v2/repository/models/mnist/unload", "{}", 403, "models are loaded when the server starts"),
    "repository: index": ("/v2/repository/index", "", 403, "models are loaded when the server starts"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_bad_request_gets_its_status_and_a_sentence(server, name):
    path, body, status, sentence = CASES[name]
    body, headers = body if isinstance(body, tuple) else (body, {})
    response = server.post(path, body, **headers)
    assert (response.status_code, response.json()["error"][: len(sentence)]) == (status, sentence)
    assert list(response.json()) == ["error"]
    assert "Traceback" not in response.text
    assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize("content_type", ["application/json", "text/html", "multipart/form-data; boundary=x"])
@pytest.mark.parametrize("path", [PREDICT, INFER])
def test_no_content_type_gets_kserves_own_errors(server, path, content_type):
    response = server.post(path, '{"inputs": 3', Content_Type=content_type)
    assert response.status_code == 400
    assert response.json()["error"].startswith("the body is not JSON (")


@pytest.mark.parametrize("path", [PREDICT, INFER, "/v2/repository/models/mnist/unload", "/v1/models/mnist:explain"])
@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_other_methods_are_not_allowed(server, method, path):
    response = requests.request(method, server.url + path, timeout=30)
    assert response.status_code == 405
    assert response.json()["error"].startswith(f"{method.upper()} is not possible at {path}; expected ")
    assert response.headers["allow"]


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/v1/models/cifar", "model 'cifar' is not known; this server has 'mnist'"),
        ("/v2/models/cifar", "model 'cifar' is not known; this server has 'mnist'"),
        ("/v2/models/cifar/ready", "model 'cifar' is not known; this server has 'mnist'"),
        ("/v2/models/mnist/versions/1", "model 'mnist' has no version '1'; expected none"),
        ("/v2/models/mnist/versions/1/ready", "model 'mnist' has no version '1'; expected none"),
        ("/v3", "the predictor has nothing at /v3; GET /v1/models lists the models"),
        ("/v1/models/mnist/", "the predictor has nothing at /v1/models/mnist/"),
    ],
)
def test_what_is_not_there_is_404(server, path, sentence):
    response = server.get(path)
    assert (response.status_code, response.json()["error"][: len(sentence)]) == (404, sentence)


def test_the_next_good_request_is_answered_after_all_of_them(server):
    assert server.post(PREDICT, instances(picture(0))).ok
    assert "Traceback" not in server.log.read_text()
