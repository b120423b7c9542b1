"""The numbers of AIX's keys, which its clients send as strings too."""

from __future__ import annotations

import contextlib
import math
from typing import Any, cast

from captum_serving.errors import BadInput
from captum_serving.sentences import shorten


def read_number(document: dict[str, Any], key: str, kind: type[int] | type[float], default: float) -> float:
    """The number that a key has, or else the default.

    Raises:
        BadInput: It is none, or not finite, or of `int` no whole one.
    """
    value = document.get(key, default)
    # Only text is converted: int() would cut a fraction off, and takes true for 1.
    with contextlib.suppress(ValueError):
        number = kind(value) if isinstance(value, str) else value
        if type(number) in (int, kind) and math.isfinite(number):
            return cast(float, number)
    raise BadInput(f"{key} is {shorten(value)}; expected {'a whole number' if kind is int else 'a number'}")
