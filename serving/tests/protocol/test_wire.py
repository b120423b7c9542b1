import json
import re
from contextlib import suppress

import numpy as np
import pytest
from captum_serving.errors import BadInput
from captum_serving.protocol import wire
from captum_serving.protocol.json_numbers import read_numbers
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp


@pytest.mark.parametrize("datatype", wire.DATATYPES)
@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("side", ["inputs", "outputs"])
def test_every_datatype_survives_the_way_there_and_back(datatype, binary, side):
    tensor = np.arange(6).reshape(2, 3).astype(wire.DATATYPES[datatype])
    body, header_length = wire.encode({"id": "a"}, {"x": tensor}, side, binary)
    assert (header_length is not None) == binary
    message = wire.decode(body, None if header_length is None else str(header_length), side)
    assert message.document["id"] == "a"
    np.testing.assert_array_equal(message.tensors["x"], tensor, strict=True)


floats = hnp.arrays(
    np.float32,
    hnp.array_shapes(max_dims=4, min_side=0, max_side=4),
    elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
)


@given(st.dictionaries(st.text(max_size=5), floats, min_size=1, max_size=3), st.data())
def test_any_mixture_of_binary_and_json_tensors_survives_bit_for_bit(tensors, data):
    binary = data.draw(st.sets(st.sampled_from(sorted(tensors))))
    body, header_length = wire.encode({}, tensors, "outputs", frozenset(binary))
    decoded = wire.decode(body, None if header_length is None else str(header_length), "outputs").tensors
    assert list(decoded) == list(tensors)
    for name, tensor in tensors.items():
        assert decoded[name].shape == tensor.shape
        assert decoded[name].tobytes() == tensor.tobytes()


@given(st.binary(max_size=200), st.one_of(st.none(), st.text(max_size=6), st.integers(0, 250).map(str)))
def test_no_body_gets_anything_but_a_message_or_a_sentence(body, header_length):
    with suppress(BadInput):
        assert wire.decode(body, header_length, "inputs").tensors


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**65), 2**65) | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["name", "shape"]), inner, max_size=2),
    max_leaves=8,
)
ENTRY = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["x", "y"]) | JSON,
        "datatype": st.sampled_from(["FP32", "UINT8", "BYTES"]) | JSON,
        "shape": st.lists(st.integers(-1, 3), max_size=20) | st.lists(st.integers(0, 2**70), max_size=70) | JSON,
        "data": JSON,
        "parameters": st.fixed_dictionaries({}, optional={"binary_data_size": st.integers(-1, 9) | JSON}) | JSON,
    },
)


@given(st.lists(ENTRY, max_size=3), st.binary(max_size=8))
def test_no_description_of_tensors_gets_anything_but_a_message_or_a_sentence(entries, more):
    header = json.dumps({"inputs": entries}).encode()
    with suppress(BadInput):
        message = wire.decode(header + more, str(len(header)), "inputs")
        for entry in entries:
            assert message.tensors[entry["name"]].shape == tuple(entry["shape"])


def test_the_bytes_are_little_endian_row_major_and_in_the_headers_order():
    tensors = {"a": np.array([[1, 2], [3, 4]], np.float32).T, "b": np.array([5], np.uint16)}
    body, header_length = wire.encode({}, tensors, "inputs", True)
    assert body[header_length:] == b"\0\0\x80?\0\0@@\0\0\0@\0\0\x80@" + b"\5\0"
    assert json.loads(body[:header_length])["inputs"] == [
        {"name": "a", "datatype": "FP32", "shape": [2, 2], "parameters": {"binary_data_size": 16}},
        {"name": "b", "datatype": "UINT16", "shape": [1], "parameters": {"binary_data_size": 2}},
    ]


def test_json_data_is_flat_and_may_come_nested():
    body, _ = wire.encode({}, {"x": np.array([[1, 2], [3, 4]], np.int32)}, "inputs", False)
    document = json.loads(body)
    assert document["inputs"][0]["data"] == [1, 2, 3, 4]
    document["inputs"][0]["data"] = [[1, 2], [3, 4]]
    nested = wire.decode(json.dumps(document).encode(), None, "inputs").tensors["x"]
    np.testing.assert_array_equal(nested, [[1, 2], [3, 4]])


def test_binary_tensors_are_views_of_the_body():
    body, header_length = wire.encode({}, {"x": np.ones(1000, np.float32)}, "inputs", True)
    view = wire.decode(body, str(header_length), "inputs").tensors["x"]
    assert np.shares_memory(view, np.frombuffer(body, np.uint8))
    assert not view.flags.writeable


def test_parameters_that_are_no_object_are_none():
    assert wire.Message({"parameters": [1]}).parameters == {}
    assert wire.Message({}).parameters == {}
    assert wire.Message({"parameters": {"sink": "a"}}).parameters == {"sink": "a"}


def entry(**changes):
    return {"name": "x", "datatype": "FP32", "shape": [2], "data": [1, 2], **changes}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"name": None},
            "inputs: got an object without a 'name'; expected objects with name, datatype, shape and data",
        ),
        ({"datatype": None}, "x: datatype is 'None'; expected one of BOOL, UINT8"),
        ({"datatype": ["FP32"]}, "x: datatype is \"['FP32']\"; expected one of"),
        ({"shape": 2}, "x: shape is 2; expected a list of at most 16 sizes of 0 or more"),
        ({"shape": [2.0]}, "x: shape is [2.0]; expected a list"),
        ({"shape": [True]}, "x: shape is [True]; expected a list"),
        ({"shape": [1] * 17}, "x: shape is [1, 1, 1"),
        ({"shape": [0, 2**39, 2**39], "data": []}, "x: shape is [0, 549755813888"),
        ({"parameters": 3}, "x: parameters is a number; expected an object"),
        ({"data": None}, "x: data is missing or null; expected a list of 2 numbers, flat or nested"),
        ({"data": [1, [2]]}, "x: rows of different length or depth; expected nested lists of equal length"),
        ({"data": [1, "2"]}, "x: holds something that is not a number; expected numbers only"),
        ({"data": [1, 2, 3]}, "x: data has 3 numbers; expected 2 for the shape [2]"),
        ({"datatype": "UINT8", "data": [1, 256]}, "x: data does not fit UINT8; expected whole numbers of 0 to 255"),
        ({"datatype": "INT8", "data": [1, 0.5]}, "x: data does not fit INT8; expected whole numbers of -128 to 127"),
        ({"parameters": {"binary_data_size": "8"}}, "x: binary_data_size is 8; expected 8 bytes for FP32 [2]"),
        (
            {"parameters": {"binary_data_size": 8}},
            "x: the body ends 8 bytes too early; expected 8 bytes for this tensor",
        ),
    ],
)
def test_a_wrong_tensor_gets_a_sentence(changes, sentence):
    with pytest.raises(BadInput) as raised:
        wire.decode(json.dumps({"inputs": [entry(**changes)]}).encode(), None, "inputs")
    assert raised.value.sentence.startswith(sentence)


@pytest.mark.parametrize("header_length", ["", "x", "-1", "1.0", "99", "9" * 5000, "٣"])
def test_a_wrong_header_length_gets_a_sentence(header_length):
    with pytest.raises(BadInput, match=r"^Inference-Header-Content-Length is '.{0,40}'; expected a number of 0 to 2"):
        wire.decode(b"{}", header_length, "inputs")


def test_json_numbers_become_an_array_of_their_own_shape():
    assert read_numbers([[1, 2], [3, 4]], "x").shape == (2, 2)
    assert read_numbers([], "x").dtype == np.float32
    assert read_numbers([0.1], "x")[0] == 0.1


STRINGS = ["", "plain", "naïve 🤗", "\x00", "مرحبا"]


@pytest.mark.parametrize("binary", [True, False])
def test_strings_go_both_ways(binary):
    array = np.array(STRINGS, object)
    body, length = wire.encode({}, {"text": array}, "inputs", binary)
    header = None if length is None else str(length)
    read = wire.decode(body, header, "inputs", strings=str).tensors["text"]
    assert read.tolist() == STRINGS
    assert read.dtype == object


def test_a_binary_string_is_its_length_in_four_bytes_and_its_utf_8():
    body, length = wire.encode({}, {"text": np.array(["é", ""], object)}, "inputs", True)
    assert body[length:] == b"\x02\x00\x00\x00\xc3\xa9\x00\x00\x00\x00"
    assert json.loads(body[:length])["inputs"][0]["parameters"] == {"binary_data_size": 10}


def test_strings_are_an_unknown_datatype_to_who_does_not_ask_for_them():
    body, _ = wire.encode({}, {"text": np.array(["a"], object)}, "inputs", False)
    with pytest.raises(BadInput, match="text: datatype is 'BYTES'; expected one of BOOL"):
        wire.decode(body, None, "inputs")


def strings_message(data, shape, size=None):
    entry = {"name": "text", "datatype": "BYTES", "shape": shape}
    entry |= {"data": data} if size is None else {"parameters": {"binary_data_size": size}}
    header = json.dumps({"inputs": [entry]}).encode()
    return (header, None) if size is None else (header + data, str(len(header)))


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        (strings_message(["a", "b"], [3]), "text: has 2 strings; expected 3 for the shape [3]"),
        (strings_message(["a", 1], [2]), "text: holds a number; expected strings only"),
        (strings_message([["a"]], [1]), "text: holds a list; expected strings only"),
        (strings_message(b"\x02\0\0\0\xc3(", [1], 6), "text: string 0 is not UTF-8; expected text in UTF-8"),
        (strings_message(b"\x09\0\0\0a", [1], 5), "text: its bytes end within a string"),
        (strings_message(b"\x01\0\0", [1], 3), "text: its bytes end within a string"),
        (strings_message(b"\x01\0\0\0a", [2], 5), "text: has 1 strings; expected 2"),
        (strings_message(b"\x01\0\0\0a", [1], 6), "text: the body ends 1 bytes too early"),
        (strings_message(b"\x01\0\0\0a", [1], -5), "text: binary_data_size is -5; expected a number of bytes"),
        (strings_message(b"\x01\0\0\0a", [1], "5"), "text: binary_data_size is 5; expected a number of bytes"),
    ],
)
def test_bad_strings_get_a_sentence(message, sentence):
    with pytest.raises(BadInput, match=re.escape(sentence)):
        wire.decode(*message, "inputs", strings=str)


@pytest.mark.parametrize("data", [[True], [[0.5, True], [1, 0]], [[1, 2], [3, False]], [[[True]], [[False]]], True])
def test_true_and_false_are_no_numbers(data):
    with pytest.raises(BadInput, match="instances: holds true or false; expected numbers only"):
        read_numbers(data, "instances")
    size = int(np.size(data))
    body = json.dumps({"inputs": [{"name": "x", "datatype": "FP32", "shape": [size], "data": [data]}]}).encode()
    with pytest.raises(BadInput, match="x: holds true or false; expected numbers only"):
        wire.decode(body, None, "inputs")


def test_a_tensor_of_truths_takes_true_and_false():
    body = json.dumps({"inputs": [{"name": "x", "datatype": "BOOL", "shape": [3], "data": [True, False, 1]}]}).encode()
    assert wire.decode(body, None, "inputs").tensors["x"].tolist() == [True, False, True]
