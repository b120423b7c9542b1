"""Reads a request's JSON within limits: what a parser makes of a few bytes may be a hundred times as large."""

import threading
from typing import Any

import orjson

from captum_serving.errors import BadInput, TooLarge
from captum_serving.limits import DEFAULT_LIMITS, ClientLimits

# Larger bodies are parsed one at a time, so that the memory for two is never needed.
LARGE_BYTES = 2**20
_turn = threading.Lock()
_loads = orjson.loads


def parse_json(body: bytes | memoryview, limits: ClientLimits = DEFAULT_LIMITS) -> Any:  # noqa: ANN401 - JSON is any value
    """Read JSON, whatever its Content-Type said.

    Raises:
        BadInput: It is no JSON (NaN, Infinity and a nesting over a thousand levels are none either).
        TooLarge: It has more of something than the limits say.
    """
    if len(body) <= LARGE_BYTES:
        return _parse(body, limits)
    with _turn:
        return _parse(body, limits)


def _parse(body: bytes | memoryview, limits: ClientLimits) -> Any:  # noqa: ANN401 - JSON is any value
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
        return _loads(text)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"the body is not JSON ({error}); expected a JSON object") from None
