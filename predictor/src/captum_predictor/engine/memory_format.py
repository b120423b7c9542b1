"""The memory format of rows that a model takes: pictures have their channels last."""

import numpy as np

from captum_predictor.engine.arrays import Array


def allocate_rows(shape: tuple[int, ...], dtype: type[np.generic] = np.float32) -> Array:
    """Uninitialized memory for rows of this shape, `[rows, ...]`."""
    if len(shape) != 4:
        return np.empty(shape, dtype)
    count, channels, height, width = shape
    return np.empty((count, height, width, channels), dtype).transpose(0, 3, 1, 2)


def lay_out(rows: Array, row_major: bool = False) -> Array:
    """A copy of rows `[rows, ...]` in that format, or row-major: int64 stays int64, all else becomes float32.

    The rows may be read-only and unaligned, like the bytes of a body.
    """
    dtype = np.int64 if rows.dtype == np.int64 else np.float32
    copy = np.empty(rows.shape, dtype) if row_major else allocate_rows(rows.shape, dtype)
    copy[...] = rows
    return copy
