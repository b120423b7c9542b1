"""Pictures side by side, with titles and colour bars."""

from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from captum_explainer.rendering.colours import Picture, find_span, paint
from captum_explainer.rendering.normalization import Sign

FONT = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
# Pixels.
TITLE_HEIGHT, TITLE_SIZE, TICK_SIZE = 24, 14, 11
GAP, BAR_WIDTH, BAR_GAP, TICKS_WIDTH = 12, 14, 8, 68
INK, PAPER = (38, 38, 38), (255, 255, 255)


@dataclass(frozen=True)
class Bar:
    """A colour bar: its colour map, and the sign that it shows."""

    cmap: str
    sign: Sign


@dataclass(frozen=True)
class Panel:
    """A picture uint8 [height, width, 3], its title, and the magnitude at the end of its colour bar."""

    picture: Picture
    title: str
    limit: float


@dataclass(frozen=True)
class Sheet:
    """Rows of panels of the same size.

    Attributes:
        height: Of a panel's picture, in pixels.
        width: Of a panel's picture, in pixels.
        titles: Whether titles are written.
        bar: The colour bar beside each panel; None for none.
    """

    height: int
    width: int
    titles: bool
    bar: Bar | None

    def measure(self, rows: int, columns: int) -> tuple[int, int]:
        """The height and width in pixels of a sheet with this many panels."""
        inner = rows * (self._row + GAP) - GAP, columns * (self._column + GAP) - GAP
        return inner[0] + 2 * self._margin, inner[1] + 2 * self._margin

    def draw(self, panels: list[list[Panel]]) -> Image.Image:
        """Draw the panels on white; a single panel without title and bar is just its picture."""
        height, width = self.measure(len(panels), len(panels[0]))
        image = Image.new("RGB", (width, height), PAPER)
        for i, row in enumerate(panels):
            for j, panel in enumerate(row):
                left, top = self._margin + j * (self._column + GAP), self._margin + i * (self._row + GAP)
                self._draw(image, panel, left, top)
        return image

    @property
    def _margin(self) -> int:
        return GAP if self.titles or self.bar else 0

    @property
    def _row(self) -> int:
        return self.height + TITLE_HEIGHT * self.titles

    @property
    def _column(self) -> int:
        return self.width + (BAR_GAP + BAR_WIDTH + TICKS_WIDTH if self.bar else 0)

    def _draw(self, image: Image.Image, panel: Panel, left: int, top: int) -> None:
        pen = ImageDraw.Draw(image)
        if self.titles:
            font = _load_font(TITLE_SIZE)
            text = fit_text(panel.title, font, self._column)
            pen.text((left, top + TITLE_HEIGHT / 2), text, INK, font, anchor="lm")
            top += TITLE_HEIGHT
        image.paste(Image.fromarray(panel.picture), (left, top))
        if self.bar:
            self._draw_bar(image, pen, panel.limit, left + self.width + BAR_GAP, top)

    def _draw_bar(self, image: Image.Image, pen: ImageDraw.ImageDraw, limit: float, left: int, top: int) -> None:
        assert self.bar is not None
        low, high = sorted(find_span(self.bar.cmap, self.bar.sign))
        if self.bar.sign in ("positive", "absolute_value"):
            low = 0.0
        elif self.bar.sign == "negative":
            high = 0.0
        column = np.linspace(high, low, self.height)[:, None].repeat(BAR_WIDTH, axis=1)
        image.paste(Image.fromarray(paint(column, self.bar.cmap, self.bar.sign)), (left, top))
        font = _load_font(TICK_SIZE)
        # The anchors keep the first and the last within the picture's height.
        for value, anchor in {high: "la", (low + high) / 2: "lm", low: "ld"}.items():
            y = top + (high - value) / (high - low) * self.height
            pen.text((left + BAR_WIDTH + 4, y), f"{value * limit:.3g}", INK, font, anchor=anchor)


def fit_text(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """Shorten a line of text to a width in pixels; characters that cannot be printed are left out."""
    line = "".join(c for c in text[:200] if c.isprintable())
    if font.getlength(line) <= width:
        return line
    while line and font.getlength(line + "…") > width:
        line = line[:-1]
    return line + "…"


def _load_font(size: int) -> ImageFont.FreeTypeFont:
    # A new font for each picture: FreeType's are not thread-safe. The layout engine decides the pixels.
    return ImageFont.truetype(FONT, size, layout_engine=ImageFont.Layout.BASIC)
