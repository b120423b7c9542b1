"""V2's BYTES tensors: byte strings, as text in JSON, and in the binary tensor data extension each after its length.

TorchServe's documents leave the shape open (`-1`), or the list around a single string out.
"""

from __future__ import annotations

import struct
from typing import Any

from captum_serving.errors import BadInput

DATATYPE = "BYTES"
LENGTH = struct.Struct("<I")
# Empty ones are four bytes each: without a limit a body of the allowed size takes seconds.
MOST = 2**16


def read_byte_strings(entry: dict[str, Any], name: str, data: memoryview) -> tuple[list[bytes], int]:
    """The byte strings of a tensor's entry, and how many bytes of `data`, what follows in the body, are theirs.

    Raises:
        BadInput: They are not as many as the shape says, not whole, or more than 65,536.
    """
    size = (entry.get("parameters") or {}).get("binary_data_size")
    strings = _from_json(entry.get("data"), name) if size is None else _from_bytes(data, size, name)
    shape = entry.get("shape")
    if shape not in (-1, [-1], [len(strings)]):
        raise BadInput(f"{name}: shape is {str(shape)[:80]}; expected [{len(strings)}], the number of its byte strings")
    return strings, size or 0


def _from_json(data: object, name: str) -> list[bytes]:
    texts = [data] if isinstance(data, str) else data
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise BadInput(f"{name}: data holds something that is not a string; expected a list of strings for {DATATYPE}")
    return [text.encode() for text in texts]


def _from_bytes(data: memoryview, size: object, name: str) -> list[bytes]:
    if type(size) is not int or not 0 <= size <= len(data):
        raise BadInput(f"{name}: binary_data_size is {str(size)[:40]}; expected at most {len(data)}, what is left")
    strings: list[bytes] = []
    offset = 0
    while offset < size:
        start = offset + LENGTH.size
        end = start + LENGTH.unpack_from(data, offset)[0] if start <= size else size + 1
        if len(strings) == MOST:
            raise BadInput(f"{name}: more than {MOST} byte strings; expected at most so many")
        if end > size:
            raise BadInput(f"{name}: its byte strings are longer than the {size} bytes of binary_data_size")
        strings.append(bytes(data[start:end]))
        offset = end
    return strings
