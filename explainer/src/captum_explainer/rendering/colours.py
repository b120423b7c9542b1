"""Colour maps: matplotlib's tables, without its figures."""

from functools import cache
from typing import Any

import matplotlib
import numpy as np

from captum_explainer.rendering.normalization import Plane, Sign

Picture = np.ndarray[Any, np.dtype[np.uint8]]

# Red speaks for the target and blue against it, as in the client's figure; colour-blind people can tell them apart.
DIVERGING = ("RdBu_r", "PuOr_r", "coolwarm", "bwr", "seismic")
SEQUENTIAL = ("Purples", "Blues", "Greens", "Reds", "Greys", "viridis", "cividis", "magma", "inferno")
COLOUR_MAPS = (*DIVERGING, *SEQUENTIAL)
# An odd number, so that zero has its own entry.
ENTRIES = 511


def find_span(cmap: str, sign: Sign) -> tuple[float, float]:
    """The values at a colour map's ends: symmetric about zero, except with a sequential map for one sign."""
    if cmap in DIVERGING or sign == "all":
        return -1.0, 1.0
    return (0.0, -1.0) if sign == "negative" else (0.0, 1.0)


def paint(values: Plane, cmap: str, sign: Sign) -> Picture:
    """Values [height, width] in -1..1 as uint8 [height, width, 3]."""
    low, high = find_span(cmap, sign)
    shares = (values - low) / (high - low)
    return _load_table(cmap)[np.rint(shares * (ENTRIES - 1)).astype(np.intp)]


@cache
def _load_table(cmap: str) -> Picture:
    colours = matplotlib.colormaps[cmap].resampled(ENTRIES)(np.arange(ENTRIES))
    return np.rint(np.asarray(colours)[:, :3] * 255.0).astype(np.uint8)
