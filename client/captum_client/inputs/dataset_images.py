"""The images to explain: of a test set, of the ten that are shipped, or made from the user's pictures."""

import gzip
import json
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from captum_client.errors import QueryError
from captum_client.inputs.picture_files import SIDE, read_picture
from captum_client.printable import printable

TEST_SET_SIZE = 10_000
SHIPPED_IMAGES = 10
CLASS_NAMES = {
    "mnist": [str(digit) for digit in range(10)],
    "fashion-mnist": [
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    ],
}
_MODELS = Path(__file__).resolve().parents[3] / "models"
_IMAGES_MAGIC, _LABELS_MAGIC = 0x803, 0x801


@dataclass(frozen=True)
class InputImage:
    """One greyscale image: pixels uint8 [28, 28], a name for the user, and its true class where that is known."""

    pixels: NDArray[np.uint8]
    name: str
    actual: str | None = None

    def words(self) -> str:
        """As in `test image 0, actual Ankle boot`."""
        return self.name + (f", actual {self.actual}" if self.actual else "")

    def instance(self, pixel_range: tuple[float, float] = (0.0, 1.0), colours: bool = False) -> list[Any]:
        """The image as a request carries it: 28 rows of 28 numbers in the range, or of 28 times three equal ones."""
        low, high = pixel_range
        grey = low + (high - low) * (self.pixels / 255)
        rows: list[Any] = (np.repeat(grey[..., None], 3, axis=-1) if colours else grey).tolist()
        return rows


def read_test_image(dataset: str, index: int, data_dir: Path | None) -> InputImage:
    """Image `index` of the test set of `dataset` ("mnist" or "fashion-mnist").

    Looked for in `data_dir` if it is given, else in $KSERVE_CAPTUM_DATA and the user's cache, else among the ten
    images that are shipped. Raises QueryError where it is not there or cannot be read.
    """
    folders = [data_dir] if data_dir else _usual_folders()
    for folder in folders:
        images = _existing(folder / dataset / "t10k-images-idx3-ubyte")
        if images:
            pixels = np.frombuffer(_read_idx(images, _IMAGES_MAGIC, index, (SIDE, SIDE)), np.uint8)
            labels = _existing(folder / dataset / "t10k-labels-idx1-ubyte")
            label = _read_idx(labels, _LABELS_MAGIC, index, ())[0] if labels else None
            return InputImage(pixels.reshape(SIDE, SIDE), f"test image {index}", _class_name(dataset, label))
    if data_dir:
        raise QueryError(f"--data-dir: there is no {data_dir / dataset / 't10k-images-idx3-ubyte.gz'}.")
    return _read_shipped_image(dataset, index)


def _usual_folders() -> list[Path]:
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folders = [Path(cache) / "kserve-captum"]
    if configured := os.environ.get("KSERVE_CAPTUM_DATA"):
        folders.insert(0, Path(configured))
    return folders


def _existing(path: Path) -> Path | None:
    packed = path.with_name(path.name + ".gz")
    return next((candidate for candidate in (packed, path) if candidate.is_file()), None)


def _read_idx(path: Path, magic: int, index: int, shape: tuple[int, ...]) -> bytes:
    """The bytes of item `index` of an IDX file whose items have `shape`."""
    size = int(np.prod(shape, dtype=int))
    header_size = 8 + 4 * len(shape)
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            header = np.frombuffer(file.read(header_size), ">u4")
            if header.size != 2 + len(shape) or header[0] != magic or tuple(header[2:]) != shape:
                raise QueryError(f"{path} is not the IDX file that its name says.")
            file.seek(header_size + index * size)
            item = file.read(size)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise QueryError(f"{path} cannot be read: {printable(error)}.", "Fetch the file again.") from error
    if len(item) != size:
        raise QueryError(f"{path} ends before item {index}.", "Fetch the file again.")
    return item


def _read_shipped_image(dataset: str, index: int) -> InputImage:
    if index >= SHIPPED_IMAGES:
        raise QueryError(
            f"Index {index}: the {dataset} test set is not on this machine, only its images 0 to {SHIPPED_IMAGES - 1}.",
            f"Name the folder that holds {dataset}/t10k-images-idx3-ubyte.gz by --data-dir or KSERVE_CAPTUM_DATA.",
        )
    folder = _MODELS / dataset / "examples"
    pixels = read_picture(folder / f"{index}.png", invert=False)
    try:
        label = json.loads((folder / "labels.json").read_text())[index]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise QueryError(f"{folder / 'labels.json'} is not a list of the ten images' labels.") from error
    return InputImage(pixels, f"test image {index}", _class_name(dataset, label))


def _class_name(dataset: str, label: int | None) -> str | None:
    return dict(enumerate(CLASS_NAMES[dataset])).get(label) if label is not None else None
