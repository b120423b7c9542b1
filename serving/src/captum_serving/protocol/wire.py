"""The Open Inference Protocol's (V2) REST messages, in JSON and in the binary tensor data extension.

A binary body is a JSON header of `Inference-Header-Content-Length` bytes, followed by the tensors' bytes:
little-endian, row-major, in the header's order. They are read and written as NumPy arrays, without Python lists.
"""

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeGuard

import numpy as np
import orjson

from captum_serving.errors import BadInput
from captum_serving.limits import DEFAULT_LIMITS, ClientLimits
from captum_serving.protocol.json_body import parse_json
from captum_serving.protocol.json_numbers import read_numbers
from captum_serving.sentences import cut

HEADER_LENGTH = "inference-header-content-length"

DATATYPES: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype("?"),
    "UINT8": np.dtype("u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "INT8": np.dtype("i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}
MOST_DIMENSIONS = 16
MOST_ELEMENTS = 2**40
MOST_DIGITS = 18
# Errors show names.
MOST_NAME = 1000

# Strings are arrays of Python objects. Only a server that takes strings reads them.
STRINGS = {"BYTES": np.dtype(object)}
LENGTH = struct.Struct("<I")
# An empty string has four bytes: without this limit, reading a body of the allowed size would take seconds.
MOST_STRINGS = 2**16
# TorchServe's documents leave the number of strings open.
OPEN_SHAPES = (-1, [-1])

NAMES = {dtype: name for name, dtype in (DATATYPES | STRINGS).items()}

Side = Literal["inputs", "outputs"]
Strings = type[str] | type[bytes]


@dataclass(frozen=True)
class Message:
    """A request (side `inputs`) or a response (side `outputs`): its JSON document, and its tensors by name."""

    document: dict[str, Any]
    tensors: dict[str, np.ndarray[Any, Any]] = field(default_factory=dict)

    @property
    def parameters(self) -> dict[str, Any]:
        """The message's own parameters; empty if it has none."""
        value = self.document.get("parameters")
        return value if isinstance(value, dict) else {}


def decode(
    body: bytes,
    header_length: str | None,
    side: Side,
    *,
    strings: Strings | None = None,
    limits: ClientLimits = DEFAULT_LIMITS,
) -> Message:
    """Read a message. `header_length` is the header `Inference-Header-Content-Length`, None if the body is only JSON.

    Binary tensors are read-only views of the body. With `strings`, BYTES tensors are read as arrays of `str` (decoded
    as UTF-8) or `bytes`; without, they are refused like an unknown datatype.

    Raises:
        BadInput: The body does not follow the protocol.
        TooLarge: Its JSON is over a limit.
    """
    split = len(body) if header_length is None else _read_header_length(header_length, len(body))
    view = memoryview(body)
    document = parse_json(view[:split], limits)
    if not isinstance(document, dict):
        raise BadInput(f"the body is {_name_kind(document)}; expected a JSON object with {side!r}")
    entries = document.get(side)
    if not isinstance(entries, list) or not entries:
        raise BadInput(f"{side!r} is {_name_kind(entries)}; expected a list of one or more tensors")
    tensors: dict[str, np.ndarray[Any, Any]] = {}
    offset = split
    datatypes = DATATYPES | STRINGS if strings else DATATYPES
    for entry in entries:
        name, dtype, shape = _read_description(entry, side, datatypes)
        if name in tensors:
            raise BadInput(f"{side}: {name!r} is there twice; expected each tensor once")
        size = (entry.get("parameters") or {}).get("binary_data_size")
        if size is None:
            values = _read_data(entry, name, dtype, shape)
        else:
            values = _read_bytes(view, offset, size, name, dtype, shape)
            offset += size
        tensors[name] = (
            values if isinstance(values, np.ndarray) else convert_strings(values, name, shape, strings or str)
        )
    if offset != len(body):
        raise BadInput(f"the body has {len(body) - offset} bytes after its last tensor; expected none")
    return Message(document, tensors)


def encode(
    document: Mapping[str, Any], tensors: Mapping[str, np.ndarray[Any, Any]], side: Side, binary: frozenset[str] | bool
) -> tuple[bytes, int | None]:
    """Write a message; `binary` says which tensors are sent as bytes: all, none, or those with these names.

    Returns:
        The body, and the length of its JSON header; None if no tensor is binary and the body is only JSON.
    """
    entries: list[dict[str, Any]] = []
    payload: list[bytes | memoryview] = []
    for name, tensor in tensors.items():
        entry: dict[str, Any] = {"name": name, "datatype": NAMES[tensor.dtype], "shape": list(tensor.shape)}
        if binary is True or (binary and name in binary):
            # The tensor's own memory is joined below: tobytes() would copy it once more.
            data = _join_strings(tensor) if tensor.dtype.kind == "O" else np.ascontiguousarray(tensor).data
            payload.append(data)
            entry["parameters"] = {"binary_data_size": len(data) if isinstance(data, bytes) else data.nbytes}
        else:
            flat = np.ascontiguousarray(tensor).reshape(-1)
            entry["data"] = flat.tolist() if tensor.dtype.kind == "O" else flat
        entries.append(entry)
    header = orjson.dumps({**document, side: entries}, option=orjson.OPT_SERIALIZE_NUMPY)
    return (b"".join([header, *payload]), len(header)) if payload else (header, None)


def _read_header_length(text: str, limit: int) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > MOST_DIGITS or int(text) > limit:
        raise BadInput(
            f"Inference-Header-Content-Length is {text[:40]!r}; expected a number of 0 to {limit}, the body's length"
        )
    return int(text)


def _read_description(
    entry: object, side: Side, datatypes: Mapping[str, np.dtype[Any]]
) -> tuple[str, np.dtype[Any], tuple[int, ...]]:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise BadInput(
            f"{side}: got {_name_kind(entry)} without a 'name'; expected objects with name, datatype, shape and data"
        )
    name, datatype, shape = entry["name"], entry.get("datatype"), entry.get("shape")
    if len(name) > MOST_NAME:
        raise BadInput(f"{side}: a name has {len(name)} characters; expected at most {MOST_NAME}")
    if not isinstance(datatype, str) or datatype not in datatypes:
        raise BadInput(f"{name}: datatype is {cut(datatype, 40)!r}; expected one of {', '.join(datatypes)}")
    if datatype in STRINGS and shape in OPEN_SHAPES:
        shape = [-1]
    elif not _is_shape(shape):
        raise BadInput(
            f"{name}: shape is {cut(shape, 80)}; expected a list of at most {MOST_DIMENSIONS} sizes of 0 or more"
        )
    if not isinstance(entry.get("parameters", {}), dict | None):
        raise BadInput(f"{name}: parameters is {_name_kind(entry['parameters'])}; expected an object")
    return name, datatypes[datatype], tuple(shape)


def _is_shape(shape: object) -> TypeGuard[list[int]]:
    # NumPy refuses more dimensions and sizes than these, though a size of 0 among them makes the tensor empty.
    if not isinstance(shape, list) or len(shape) > MOST_DIMENSIONS:
        return False
    sizes_fit = all(type(size) is int and 0 <= size < MOST_ELEMENTS for size in shape)
    return sizes_fit and math.prod(size or 1 for size in shape) < MOST_ELEMENTS


def _read_bytes(
    view: memoryview, offset: int, size: object, name: str, dtype: np.dtype[Any], shape: tuple[int, ...]
) -> np.ndarray[Any, Any] | list[bytes]:
    if dtype.kind == "O":
        return _split_strings(_slice(view, offset, size, name), name)
    expected = math.prod(shape) * dtype.itemsize
    if type(size) is not int or size != expected:
        raise BadInput(
            f"{name}: binary_data_size is {cut(size, 40)}; expected {expected} bytes for {NAMES[dtype]} {list(shape)}"
        )
    return np.frombuffer(_slice(view, offset, size, name), dtype=dtype).reshape(shape)


def _slice(view: memoryview, offset: int, size: object, name: str) -> memoryview:
    if type(size) is not int or size < 0:
        raise BadInput(f"{name}: binary_data_size is {cut(size, 40)}; expected a number of bytes")
    if offset + size > len(view):
        raise BadInput(
            f"{name}: the body ends {offset + size - len(view)} bytes too early; expected {size} bytes for this tensor"
        )
    return view[offset : offset + size]


def _split_strings(data: memoryview, name: str) -> list[bytes]:
    strings: list[bytes] = []
    offset = 0
    while offset < len(data):
        start = offset + LENGTH.size
        end = start + LENGTH.unpack_from(data, offset)[0] if start <= len(data) else start
        if end > len(data):
            raise BadInput(f"{name}: its bytes end within a string; expected 4 bytes of length before each string")
        if len(strings) == MOST_STRINGS:
            raise BadInput(f"{name}: more than {MOST_STRINGS} strings; expected at most that many")
        strings.append(bytes(data[start:end]))
        offset = end
    return strings


def _join_strings(tensor: np.ndarray[Any, Any]) -> bytes:
    strings = [string.encode() if isinstance(string, str) else string for string in tensor.reshape(-1)]
    return b"".join(part for string in strings for part in (LENGTH.pack(len(string)), string))


def convert_strings(
    values: Sequence[str | bytes], name: str, shape: tuple[int, ...], kind: Strings
) -> np.ndarray[Any, Any]:
    """Make an array of `kind`, with this shape, from strings or their UTF-8; `name` is the tensor's name for errors.

    Raises:
        BadInput: Their number does not fit the shape, one is not a string, or bytes are not UTF-8.
    """
    if shape != (-1,) and len(values) != math.prod(shape):
        raise BadInput(f"{name}: has {len(values)} strings; expected {math.prod(shape)} for the shape {list(shape)}")
    array = np.empty(len(values), object)
    for i, value in enumerate(values):
        if not isinstance(value, str | bytes):
            raise BadInput(f"{name}: holds {_name_kind(value)}; expected strings only")
        try:
            array[i] = value if isinstance(value, kind) else _convert(value)
        except UnicodeError:
            raise BadInput(f"{name}: string {i} is not UTF-8; expected text in UTF-8") from None
    return array.reshape(shape)


def _convert(value: str | bytes) -> str | bytes:
    return value.decode() if isinstance(value, bytes) else value.encode()


def _read_data(
    entry: dict[str, Any], name: str, dtype: np.dtype[Any], shape: tuple[int, ...]
) -> np.ndarray[Any, Any] | list[Any]:
    if dtype.kind == "O" and isinstance(entry.get("data"), str):
        return [entry["data"]]
    if not isinstance(entry.get("data"), list):
        raise BadInput(
            f"{name}: data is {_name_kind(entry.get('data'))}; expected a list of {math.prod(shape)} "
            f"{'strings' if dtype.kind == 'O' else 'numbers, flat or nested'}"
        )
    if dtype.kind == "O":
        return list(entry["data"])
    array = read_numbers(entry["data"], name, truths=dtype.kind == "b")
    if array.size != math.prod(shape):
        raise BadInput(
            f"{name}: data has {array.size} numbers; expected {math.prod(shape)} for the shape {list(shape)}"
        )
    if dtype.kind in "iu" and array.size:
        limits = np.iinfo(dtype)
        if array.dtype.kind == "f" or array.min() < limits.min or array.max() > limits.max:
            raise BadInput(
                f"{name}: data does not fit {NAMES[dtype]}; expected whole numbers of {limits.min} to {limits.max}"
            )
    with np.errstate(over="ignore"):
        return array.astype(dtype).reshape(shape)


def _name_kind(value: object) -> str:
    names = {
        dict: "an object",
        list: "an empty list" if value == [] else "a list",
        str: "a string",
        type(None): "missing or null",
    }
    return names.get(type(value), "a number" if isinstance(value, int | float) else type(value).__name__)
