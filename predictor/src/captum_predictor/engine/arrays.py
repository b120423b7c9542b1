"""Whether numbers are finite."""

from typing import Any

import numpy as np


def finite(array: np.ndarray[Any, np.dtype[np.float32]]) -> bool:
    """Whether a float32 array holds neither NaN nor infinity.

    One pass: a sum in double precision, which no sum of finite float32 overflows.
    """
    with np.errstate(invalid="ignore"):  # infinity minus infinity
        return bool(np.isfinite(array.sum(dtype=np.float64)))
