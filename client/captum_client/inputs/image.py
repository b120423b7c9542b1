"""One image to explain."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class InputImage:
    """One greyscale image: pixels uint8 [28, 28], a name for the user, and its true class where that is known."""

    pixels: NDArray[np.uint8]
    name: str
    actual: str | None = None

    def describe(self) -> str:
        """As in `test image 0, actual Ankle boot`."""
        return self.name + (f", actual {self.actual}" if self.actual else "")

    def to_instance(self, pixel_range: tuple[float, float] = (0.0, 1.0), colours: bool = False) -> list[Any]:
        """The image as a request carries it: 28 rows of 28 numbers in the range, or of 28 times three equal ones."""
        low, high = pixel_range
        grey = low + (high - low) * (self.pixels / 255)
        rows: list[Any] = (np.repeat(grey[..., None], 3, axis=-1) if colours else grey).tolist()
        return rows
