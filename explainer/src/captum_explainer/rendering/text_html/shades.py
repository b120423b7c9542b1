"""The colours of words: the same as in pictures, each with the text colour that is most readable on it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from captum_explainer.rendering.colours import paint
from captum_explainer.rendering.normalization import Plane, normalize

CMAP = "RdBu_r"
BLACK, WHITE = "#000", "#fff"
# The luminance L at which black and white text have the same contrast: (L + 0.05)^2 = 1.05 x 0.05. The contrast is
# then 4.58; WCAG asks for 4.5.
EVEN = (1.05 * 0.05) ** 0.5 - 0.05
STOPS = 17


@dataclass(frozen=True)
class Shade:
    """The CSS colours of a word's background and its letters."""

    background: str
    ink: str


def choose_shades(importances: Sequence[float]) -> tuple[list[Shade], float]:
    """Choose a shade for each importance; also returns the magnitude that has the full colour, 0 if all are zero.

    Nothing is clipped: among a few words the one that counts most is no outlier.
    """
    if not len(importances):
        return [], 0.0
    normalized = normalize(np.array([importances], dtype=np.float64), "all", 0.0)
    return _make_shades(normalized.values), normalized.limit


def write_gradient() -> str:
    """Write the CSS gradient of the whole scale, from -1 to 1."""
    stops = _make_shades(np.linspace(-1.0, 1.0, STOPS)[None])
    return f"linear-gradient(to right,{','.join(stop.background for stop in stops)})"


def _make_shades(values: Plane) -> list[Shade]:
    colours = paint(values, CMAP, "all")[0]
    # The relative luminance of WCAG 2.2.
    shares = colours / 255.0
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    light = linear @ np.array([0.2126, 0.7152, 0.0722]) > EVEN
    return [
        Shade(f"#{colour.tobytes().hex()}", BLACK if is_light else WHITE)
        for colour, is_light in zip(colours, light, strict=True)
    ]
