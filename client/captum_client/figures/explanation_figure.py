"""Draws explanations: one row each, with the image and its all, positive and negative attributions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter
from numpy.typing import NDArray

from captum_client.answers.explanations import Explanation
from captum_client.inputs.image import InputImage
from captum_client.printable import make_printable

MAX_ROWS = 100
# In inches, so that columns line up in all rows however wide the tick labels are.
_WIDTH, _ROW_HEIGHT, _PANEL, _BAR = 10.0, 2.85, 2.05, 0.12
_MARGIN, _TICKS, _CAPTION = 0.15, 0.6, 0.55
_OUTLINE_LEVEL = 64
_COLOURS = "RdBu_r"


@dataclass(frozen=True)
class Row:
    """An image and one of its explanations."""

    image: InputImage
    explanation: Explanation


def draw_explanations(rows: Sequence[Row], figure: Figure | None = None) -> Figure:
    """Draw 1 to 100 rows into `figure` or a new one. Each row has its own colour scale, symmetric about zero.

    Red speaks for the target, blue against it. A layer's channels are summed. Units without height and width are laid
    out row by row in a nearly square grid. Raises ValueError for too many rows.
    """
    if not 1 <= len(rows) <= MAX_ROWS:
        raise ValueError(f"A picture takes 1 to {MAX_ROWS} rows, got {len(rows)}.")
    figure = figure or Figure()
    height = _ROW_HEIGHT * len(rows)
    figure.set_size_inches(_WIDTH, height)
    grid = figure.add_gridspec(
        len(rows),
        5,
        width_ratios=[_PANEL, _PANEL, _PANEL, _PANEL, _BAR],
        left=_MARGIN / _WIDTH,
        right=1 - _TICKS / _WIDTH,
        top=1 - _CAPTION / height,
        bottom=(_ROW_HEIGHT - _CAPTION - _PANEL) / height,
        hspace=_ROW_HEIGHT / _PANEL - 1,
        wspace=0.15,
    )
    for number, row in enumerate(rows):
        _draw_row(figure, [figure.add_subplot(grid[number, column]) for column in range(5)], row)
    return figure


def flatten_to_map(attributions: NDArray[np.float64]) -> tuple[NDArray[np.float64], str]:
    """Return attributions as one map, float64 [height, width], and how it was made ("" if unchanged)."""
    if attributions.ndim == 2:
        return attributions, ""
    if attributions.ndim == 3:
        channels = attributions.shape[0]
        return attributions.sum(axis=0), f"sum of {channels} channels" if channels > 1 else ""
    width = int(np.ceil(np.sqrt(attributions.size)))
    height = -(-attributions.size // width)
    grid = np.full(height * width, np.nan)
    grid[: attributions.size] = attributions
    return grid.reshape(height, width), f"{attributions.size} units, row by row"


def _draw_row(figure: Figure, axes: Sequence[Axes], row: Row) -> None:
    original, *maps, bar = axes
    explanation = row.explanation
    values, note = flatten_to_map(explanation.attributions)
    caption = ", ".join(filter(None, [explanation.describe_method(), note]))
    original.text(0, 1.17, caption, transform=original.transAxes, fontsize=12, parse_math=False)
    _draw_original(original, row)
    peak = float(np.nanmax(np.abs(values))) or 1.0
    norm = Normalize(-peak, peak)
    signs = {
        "Attributions": values,
        "Positive attributions": values.clip(min=0),
        "Negative attributions": values.clip(max=0),
    }
    for axis, (title, signed) in zip(maps, signs.items(), strict=True):
        drawn = axis.imshow(signed, cmap=_COLOURS, norm=norm, interpolation="nearest", extent=(0, 1, 0, 1))
        if explanation.attributions.ndim > 1:
            _draw_outline(axis, row.image.pixels)
        _frame(axis, title)
    short_ticks = ScalarFormatter()
    short_ticks.set_powerlimits((-3, 4))
    figure.colorbar(drawn, cax=bar, format=short_ticks)
    bar.tick_params(labelsize=8)


def _draw_outline(axis: Axes, pixels: NDArray[np.uint8]) -> None:
    """Draw the image's outline faintly over the map, so that nobody has to look back and forth."""
    if pixels.min() < _OUTLINE_LEVEL < pixels.max():
        axis.contour(pixels, [_OUTLINE_LEVEL], origin="upper", extent=(0, 1, 0, 1), colors="0.45", linewidths=0.5)


def _draw_original(axis: Axes, row: Row) -> None:
    axis.imshow(row.image.pixels, cmap="gray", vmin=0, vmax=255, interpolation="nearest", extent=(0, 1, 0, 1))
    # Left-aligned, because a long label would otherwise be cut off at the picture's edge.
    _frame(axis, make_printable(f"Predicted {row.explanation.describe_prediction()}", 32), loc="left")
    axis.set_xlabel(make_printable(row.image.describe(), 34), fontsize=9, loc="left", parse_math=False)


def _frame(axis: Axes, title: str, loc: Literal["left", "center"] = "center") -> None:
    axis.set_title(title, fontsize=10, loc=loc, parse_math=False)
    axis.set_xticks([])
    axis.set_yticks([])
    for spine in axis.spines.values():
        spine.set_color("0.7")
