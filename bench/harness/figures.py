"""Figures of a row: percentiles of times, and the ratio of two ways that took turns."""

from collections.abc import Sequence
from itertools import chain
from statistics import median

import numpy as np

from bench.harness.result import Row


def percentiles(what: str, times: Sequence[float], *percents: int, unit: str = "ms") -> Row:
    """The percentiles of some times, named `{what}_p{percent}_{unit}`."""
    return {f"{what}_p{percent}_{unit}": float(np.percentile(times, percent)) for percent in percents}


def ratios(tops: Sequence[Sequence[float]], bottoms: Sequence[Sequence[float]]) -> Row:
    """The ratio of the medians of all values, and the smallest and the largest ratio of the medians of a round.

    Args:
        tops: The values above the line, by round.
        bottoms: Those below it, which took turns with them.
    """
    by_round = [median(top) / median(bottom) for top, bottom in zip(tops, bottoms, strict=True)]
    ratio = median(chain.from_iterable(tops)) / median(chain.from_iterable(bottoms))
    return {"ratio": ratio, "ratio_min": min(by_round), "ratio_max": max(by_round)}
