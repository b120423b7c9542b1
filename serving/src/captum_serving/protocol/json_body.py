"""Reads a request's JSON within limits: what a parser makes of a few bytes may be a hundred times as large."""

import threading
from dataclasses import dataclass
from typing import Any

import orjson

from captum_serving.errors import BadInput, TooLarge

# Larger bodies are parsed one at a time, so that the memory for two is never needed.
LARGE_BYTES = 2**20
_turn = threading.Lock()


@dataclass(frozen=True)
class JsonLimits:
    """What a body of JSON may have.

    16 MiB of `[],` would take 486 MiB of memory, and of `{"":0},` 585 MiB.
    """

    max_json_bytes: int = 32 * 2**20
    max_json_arrays: int = 2_000_000
    max_json_objects: int = 100_000
    max_json_commas: int = 4_000_000


def parse_json(body: bytes | memoryview, limits: JsonLimits = JsonLimits()) -> Any:  # noqa: ANN401 - JSON is any value; the limits are frozen
    """Read JSON, whatever its Content-Type said.

    Raises:
        BadInput: It is no JSON (NaN, Infinity and a nesting over a thousand levels are none either).
        TooLarge: It has more of something than the limits say.
    """
    if len(body) <= LARGE_BYTES:
        return _parse(body, limits)
    with _turn:
        return _parse(body, limits)


def _parse(body: bytes | memoryview, limits: JsonLimits) -> Any:  # noqa: ANN401 - JSON is any value
    if len(body) > limits.max_json_bytes:
        raise TooLarge(
            f"the JSON has {len(body)} bytes; expected at most {limits.max_json_bytes}: binary tensors may be larger"
        )
    text = bytes(body)
    for sign, most, what in (
        (b"[", limits.max_json_arrays, "arrays"),
        (b"{", limits.max_json_objects, "objects"),
        (b",", limits.max_json_commas, "commas"),
    ):
        if len(text) > most and (count := text.count(sign)) > most:
            raise TooLarge(f"the JSON has {count} {what}; expected at most {most}: send fewer instances at once")
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"the body is not JSON ({error}); expected a JSON object") from None
