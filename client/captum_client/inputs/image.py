"""An image to explain."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class InputImage:
    """A greyscale image: pixels uint8 [28, 28], a name to show, and its true class if known."""

    pixels: NDArray[np.uint8]
    name: str
    actual: str | None = None

    def describe(self) -> str:
        """Return for example `test image 0, actual Ankle boot`."""
        return self.name + (f", actual {self.actual}" if self.actual else "")

    def to_instance(self, pixel_range: tuple[float, float] = (0.0, 1.0), colours: bool = False) -> list[Any]:
        """Return nested lists for a request: [28, 28] numbers within the range, or [28, 28, 3] if `colours`."""
        low, high = pixel_range
        grey = low + (high - low) * (self.pixels / 255)
        rows: list[Any] = (np.repeat(grey[..., None], 3, axis=-1) if colours else grey).tolist()
        return rows
