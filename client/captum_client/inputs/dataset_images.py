"""Finds and reads images of the MNIST and Fashion-MNIST test sets."""

import json
import os
from pathlib import Path

import numpy as np

from captum_client.errors import QueryError
from captum_client.inputs.idx_files import IMAGES_MAGIC, LABELS_MAGIC, read_idx_item
from captum_client.inputs.image import InputImage
from captum_client.inputs.picture_files import SIDE, read_picture

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


def read_test_image(dataset: str, index: int, data_dir: Path | None) -> InputImage:
    """Return image `index` of the test set of `dataset` ("mnist" or "fashion-mnist").

    Looks in `data_dir` if given. Otherwise looks in $KSERVE_CAPTUM_DATA, then in the user's cache, then among the ten
    images that this repository ships. Raises QueryError if the image is missing or cannot be read.
    """
    folders = [data_dir] if data_dir else _list_default_folders()
    for folder in folders:
        images = _find_file(folder / dataset / "t10k-images-idx3-ubyte")
        if images:
            pixels = np.frombuffer(read_idx_item(images, IMAGES_MAGIC, index, (SIDE, SIDE)), np.uint8)
            labels = _find_file(folder / dataset / "t10k-labels-idx1-ubyte")
            label = read_idx_item(labels, LABELS_MAGIC, index, ())[0] if labels else None
            return InputImage(pixels.reshape(SIDE, SIDE), f"test image {index}", _name_class(dataset, label))
    if data_dir:
        raise QueryError(f"--data-dir: there is no {data_dir / dataset / 't10k-images-idx3-ubyte.gz'}.")
    return _read_shipped_image(dataset, index)


def _list_default_folders() -> list[Path]:
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folders = [Path(cache) / "kserve-captum"]
    if configured := os.environ.get("KSERVE_CAPTUM_DATA"):
        folders.insert(0, Path(configured))
    return folders


def _find_file(path: Path) -> Path | None:
    packed = path.with_name(path.name + ".gz")
    return next((candidate for candidate in (packed, path) if candidate.is_file()), None)


def _read_shipped_image(dataset: str, index: int) -> InputImage:
    if index >= SHIPPED_IMAGES:
        raise QueryError(
            f"Index {index}: the {dataset} test set is not on this machine, except images 0 to {SHIPPED_IMAGES - 1}.",
            f"Pass the folder that holds {dataset}/t10k-images-idx3-ubyte.gz with --data-dir or KSERVE_CAPTUM_DATA.",
        )
    folder = _MODELS / dataset / "examples"
    pixels = read_picture(folder / f"{index}.png", invert=False)
    try:
        label = json.loads((folder / "labels.json").read_text())[index]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise QueryError(f"{folder / 'labels.json'} is not a list of the ten images' labels.") from error
    return InputImage(pixels, f"test image {index}", _name_class(dataset, label))


def _name_class(dataset: str, label: int | None) -> str | None:
    return dict(enumerate(CLASS_NAMES[dataset])).get(label) if label is not None else None
