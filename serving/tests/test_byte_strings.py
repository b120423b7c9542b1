import json

import numpy as np
import pytest
import tritonclient.http
from captum_serving import wire
from captum_serving.errors import BadInput

STRINGS = [b"", b"\x89PNG\r\n", "é".encode(), b"x" * 70_000]


def message(entry, payload=b"", **more):
    header = json.dumps({"inputs": [{"name": "x", "datatype": "BYTES", **entry}, *more.get("after", [])]}).encode()
    return wire.decode(header + payload, str(len(header)), "inputs", byte_strings=True)


@pytest.mark.parametrize("shape", [[2], [-1]])
def test_strings_of_json_are_their_utf8(shape):
    assert message({"shape": shape, "data": ["é", "b"]}).byte_strings == {"x": ["é".encode(), b"b"]}


@pytest.mark.parametrize("shape", [[1], [-1], -1])
def test_a_single_one_may_stand_without_a_list(shape):
    assert message({"shape": shape, "data": "b"}).byte_strings == {"x": [b"b"]}


def test_tritonclients_bytes_are_read_before_another_tensor():
    first = tritonclient.http.InferInput("x", [len(STRINGS)], "BYTES")
    first.set_data_from_numpy(np.array(STRINGS, dtype=object))
    second = tritonclient.http.InferInput("y", [2], "FP32")
    second.set_data_from_numpy(np.float32([1, 2]))
    body, header_length = tritonclient.http.InferenceServerClient.generate_request_body([first, second])
    read = wire.decode(body, str(header_length), "inputs", byte_strings=True)
    assert read.byte_strings == {"x": STRINGS}
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
        ({"shape": [2], "data": ["a"]}, b"", "x: shape is [2]; expected [1], the number of its byte strings"),
        ({"shape": [1, 1], "data": ["a"]}, b"", "x: shape is [1, 1]; expected [1]"),
        ({"data": ["a"]}, b"", "x: shape is None; expected [1]"),
        ({"shape": [1], "data": [1]}, b"", "x: data holds something that is not a string"),
        ({"shape": [1], "data": {}}, b"", "x: data holds something that is not a string"),
        ({"shape": [1]}, b"", "x: data holds something that is not a string"),
        (binary(5), b"\x01\0\0\0", "x: binary_data_size is 5; expected at most 4, what is left"),
        (binary(-1), b"", "x: binary_data_size is -1; expected at most 0"),
        (binary("4"), b"\x00\0\0\0", "x: binary_data_size is 4; expected at most 4"),
        (binary(3), b"\x01\0\0", "x: its byte strings are longer than the 3 bytes"),
        (binary(4), b"\x01\0\0\0", "x: its byte strings are longer than the 4 bytes"),
        (binary(5), b"\xff\xff\xff\xffa", "x: its byte strings are longer than the 5 bytes"),
        (binary(4 * 65_537), b"\0" * 4 * 65_537, "x: more than 65536 byte strings"),
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
