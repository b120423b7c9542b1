import json

import numpy as np
import pytest
import tritonclient.http
from captum_serving.errors import BadInput
from captum_serving.protocol import wire

STRINGS = [b"", b"\x89PNG\r\n", "é".encode(), b"x" * 70_000]


def message(entry, payload=b"", **more):
    header = json.dumps({"inputs": [{"name": "x", "datatype": "BYTES", **entry}, *more.get("after", [])]}).encode()
    return wire.decode(header + payload, str(len(header)), "inputs", strings=bytes)


@pytest.mark.parametrize("shape", [[2], [-1]])
def test_strings_of_json_are_their_utf8(shape):
    assert message({"shape": shape, "data": ["é", "b"]}).tensors["x"].tolist() == ["é".encode(), b"b"]


@pytest.mark.parametrize("shape", [[1], [-1], -1])
def test_a_single_one_may_stand_without_a_list(shape):
    assert message({"shape": shape, "data": "b"}).tensors["x"].tolist() == [b"b"]


def test_tritonclients_bytes_are_read_before_another_tensor():
    first = tritonclient.http.InferInput("x", [len(STRINGS)], "BYTES")
    first.set_data_from_numpy(np.array(STRINGS, dtype=object))
    second = tritonclient.http.InferInput("y", [2], "FP32")
    second.set_data_from_numpy(np.float32([1, 2]))
    body, header_length = tritonclient.http.InferenceServerClient.generate_request_body([first, second])
    read = wire.decode(body, str(header_length), "inputs", strings=bytes)
    assert read.tensors["x"].tolist() == STRINGS
    assert read.tensors["y"].tolist() == [1, 2]


def test_bytes_is_no_datatype_where_no_one_asked_for_it():
    body = json.dumps({"inputs": [{"name": "x", "datatype": "BYTES", "shape": [1], "data": ["a"]}]}).encode()
    with pytest.raises(BadInput, match="datatype is 'BYTES'; expected one of BOOL"):
        wire.decode(body, None, "inputs")


def binary(size):
    return {"shape": [-1], "parameters": {"binary_data_size": size}}


@pytest.mark.parametrize(
    ("entry", "payload", "sentence"),
    [
        ({"shape": [1, 2], "data": ["a"]}, b"", "x: has 1 strings; expected 2 for the shape [1, 2]"),
        ({"data": ["a"]}, b"", "x: shape is None; expected a list of"),
        ({"shape": [-1, 1], "data": ["a"]}, b"", "x: shape is [-1, 1]; expected a list of"),
        ({"shape": [1], "data": {}}, b"", "x: data is an object; expected a list of 1 strings"),
        ({"shape": [1]}, b"", "x: data is missing or null; expected a list of 1 strings"),
        (binary(5), b"\xff\xff\xff\xffa", "x: its bytes end within a string"),
        (binary(4 * 65_537), b"\0" * 4 * 65_537, "x: more than 65536 strings"),
        ({"shape": [1], "data": ["a"]}, b"left over", "the body has 9 bytes after its last tensor"),
    ],
)
def test_what_is_not_as_many_strings_as_it_says_is_refused(entry, payload, sentence):
    with pytest.raises(BadInput) as refusal:
        message(entry, payload)
    assert sentence in refusal.value.sentence


def test_a_name_of_both_kinds_of_tensor_is_there_twice():
    again = {"name": "x", "datatype": "FP32", "shape": [1], "data": [1]}
    with pytest.raises(BadInput, match="'x' is there twice"):
        message({"shape": [1], "data": ["a"]}, after=[again])
