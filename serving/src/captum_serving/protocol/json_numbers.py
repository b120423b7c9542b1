"""Makes arrays from the numbers of a JSON document."""

import itertools
from collections.abc import Iterable
from typing import Any, cast

import numpy as np

from captum_serving.errors import BadInput


def read_numbers(data: object, name: str, *, truths: bool = False) -> np.ndarray[Any, Any]:
    """Make an array from nested lists of JSON numbers; `name` is what an error calls them.

    With `truths`, true and false may be among them, as 1 and 0.

    Raises:
        BadInput: Rows have different lengths, or something is not a number.
    """
    try:
        array = np.asarray(data)
    except (ValueError, OverflowError):
        raise BadInput(f"{name}: rows of different length or depth; expected nested lists of equal length") from None
    if array.dtype.kind not in "biuf" and array.size:
        raise BadInput(f"{name}: holds something that is not a number; expected numbers only")
    if not truths and _has_truths(data, array.ndim):
        raise BadInput(f"{name}: holds true or false; expected numbers only")
    return array if array.size else array.astype(np.float32)


def _has_truths(data: object, depth: int) -> bool:
    if depth == 0:
        return isinstance(data, bool)
    values = cast("Iterable[Any]", data)
    for _ in range(depth - 1):
        values = itertools.chain.from_iterable(values)
    return bool in map(type, values)
