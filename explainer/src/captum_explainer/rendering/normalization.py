"""Attributions on a scale of -1 to 1."""

from typing import Any, Literal, NamedTuple

import numpy as np

Sign = Literal["all", "positive", "negative", "absolute_value"]
Plane = np.ndarray[Any, np.dtype[np.float64]]

# Captum's scale holds unless it is more than this many times the magnitude that nearly all pixels stay below.
OUTLYING = 4.0
# Attributions below the largest one's rounding error count as zero.
ROUNDING = float(np.finfo(np.float32).eps)
LARGEST = float(np.finfo(np.float32).max)


class Normalized(NamedTuple):
    """Values float64 [height, width] in -1..1, and the magnitude that became 1; 0 if all attributions are zero."""

    values: Plane
    limit: float


def normalize(plane: Plane, sign: Sign, outlier_perc: float) -> Normalized:
    """Keep attributions [height, width] of one sign, divide them by their scale and clip; negative ones stay negative.

    The scale is Captum's: the smallest magnitude up to which all magnitudes sum to 100 - `outlier_perc` percent. A
    single outlier that makes up more than `outlier_perc` percent of the sum would be that scale and hide the rest. So
    the scale is at most four times the magnitude that (100 - `outlier_perc`) percent of the nonzero pixels stay below.
    With `outlier_perc` 0 nothing is clipped.
    """
    chosen = _keep_sign(np.nan_to_num(plane, posinf=LARGEST, neginf=-LARGEST), sign)
    magnitudes = np.sort(np.abs(chosen), axis=None)
    magnitudes = magnitudes[magnitudes > ROUNDING * magnitudes[-1]]
    if not len(magnitudes):
        return Normalized(np.zeros_like(chosen), 0.0)
    share = 1.0 - outlier_perc / 100.0
    sums = np.cumsum(magnitudes)
    by_sum = magnitudes[np.searchsorted(sums, share * sums[-1])]
    by_count = magnitudes[int(share * (len(magnitudes) - 1))]
    limit = float(min(by_sum, OUTLYING * by_count))
    return Normalized(np.clip(chosen / limit, -1.0, 1.0), limit)


def _keep_sign(plane: Plane, sign: Sign) -> Plane:
    if sign == "positive":
        return np.maximum(plane, 0.0)
    if sign == "negative":
        return np.minimum(plane, 0.0)
    return np.abs(plane) if sign == "absolute_value" else plane
