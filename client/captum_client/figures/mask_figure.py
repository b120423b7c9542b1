"""Draws AIX's masks as KServe's AIX example does: the image under each label's mask, five in a row."""

from collections.abc import Sequence
from math import ceil

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from captum_client.answers.aix_masks import ImageMasks, name_label
from captum_client.inputs.image import InputImage
from captum_client.printable import make_printable

COLUMNS = 5
MAX_PANELS = 500
# In inches.
_PANEL, _CAPTION, _GAP, _MARGIN = 2.0, 0.55, 0.1, 0.1
_WIDTH = COLUMNS * _PANEL + (COLUMNS - 1) * _GAP + 2 * _MARGIN
# As in the figure of explanations, red speaks for the label and blue against it.
_FOR, _AGAINST = (0.84, 0.15, 0.16), (0.13, 0.40, 0.67)
_OPACITY = 0.55


def draw_masks(
    pairs: Sequence[tuple[InputImage, ImageMasks]], names: Sequence[str], figure: Figure | None = None
) -> Figure:
    """Draw each image's masks into `figure` or a new one, under the titles `Positive for X` and `Actual Y`.

    `names` are the labels' names. Raises ValueError for too many panels.
    """
    rows = [ceil(len(masks.top_labels) / COLUMNS) for _, masks in pairs]
    if sum(rows) * COLUMNS > MAX_PANELS:
        raise ValueError(f"A picture takes up to {MAX_PANELS} panels, got {sum(rows) * COLUMNS}.")
    figure = figure or Figure()
    height = (_PANEL + _CAPTION) * sum(rows)
    figure.set_size_inches(_WIDTH, height)
    grid = figure.subplots(sum(rows), COLUMNS, squeeze=False)
    figure.subplots_adjust(
        left=_MARGIN / _WIDTH,
        right=1 - _MARGIN / _WIDTH,
        top=1 - _CAPTION / height,
        bottom=_MARGIN / height,
        hspace=_CAPTION / _PANEL,
        wspace=_GAP / _PANEL,
    )
    for axis in grid.flat:
        axis.set_axis_off()
    for number, (image, masks) in enumerate(pairs):
        axes = grid[sum(rows[:number]) :].flat
        for axis, mask, label in zip(axes, masks.masks, masks.top_labels, strict=False):
            _draw(axis, overlay(image.pixels, mask), name_label(label, names), image.actual or "unknown")
    return figure


def overlay(pixels: NDArray[np.uint8], mask: NDArray[np.int8]) -> NDArray[np.float64]:
    """Return the grey image [height, width] as colours [height, width, 3] in 0..1, tinted where the mask is not 0."""
    colours = np.repeat(pixels[..., None] / 255, 3, axis=-1)
    for sign, tint in ((1, _FOR), (-1, _AGAINST)):
        where = mask == sign
        colours[where] = (1 - _OPACITY) * colours[where] + _OPACITY * np.array(tint)
    return colours


def _draw(axis: Axes, picture: NDArray[np.float64], label: str, actual: str) -> None:
    axis.imshow(picture, interpolation="nearest")
    title = f"Positive for {make_printable(label, 20)}\nActual {make_printable(actual, 20)}"
    axis.set_title(title, fontsize=10, parse_math=False)
