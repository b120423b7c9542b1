"""Numbers in AIX's requests, whose clients may send them as strings."""

from __future__ import annotations

import contextlib
import math
from typing import Any, cast

from captum_serving.errors import BadInput
from captum_serving.sentences import shorten


def read_number(document: dict[str, Any], key: str, kind: type[int] | type[float], default: float) -> float:
    """Read a key's number; without the key it is the default.

    Raises:
        BadInput: It is no number, not finite, or for `int` not whole.
    """
    value = document.get(key, default)
    # Only text is converted: int() would cut off a fraction, and turn true into 1.
    with contextlib.suppress(ValueError):
        number = kind(value) if isinstance(value, str) else value
        if type(number) in (int, kind) and math.isfinite(number):
            return cast(float, number)
    raise BadInput(f"{key} is {shorten(value)}; expected {'a whole number' if kind is int else 'a number'}")
