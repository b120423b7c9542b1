"""Arrays of finite numbers in float32."""

from typing import Any

import numpy as np
from captum_serving.errors import BadInput

Array = np.ndarray[Any, Any]
Floats = np.ndarray[Any, np.dtype[np.float32]]


def is_finite(array: Floats) -> bool:
    """Whether a float32 array holds neither NaN nor infinity.

    It takes one pass: a sum in double precision, which finite float32 numbers cannot overflow.
    """
    with np.errstate(invalid="ignore"):  # infinity minus infinity
        return bool(np.isfinite(array.sum(dtype=np.float64)))


def to_floats(array: Array, name: str) -> Array:
    """The array as FP32.

    Raises:
        BadInput: It holds strings, NaN, infinity, or a number too large for FP32.
    """
    refuse_strings(array, name)
    if array.dtype != np.float32:
        with np.errstate(over="ignore"):
            array = array.astype(np.float32)
    if not is_finite(array):
        raise BadInput(f"{name}: holds NaN, infinity or a number too large for FP32; expected finite numbers")
    return array


def refuse_strings(array: Array, name: str) -> None:
    """Raise `BadInput` where there are strings instead of numbers."""
    if array.dtype.kind == "O":
        raise BadInput(f"{name}: the datatype is BYTES; expected numbers")
