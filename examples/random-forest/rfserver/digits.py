"""The digits that the forest is trained on: MNIST where it is at hand, else the small set that scikit-learn brings."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

MNIST_IMAGES = 3000
SIDE = 28
# An IDX file's magic number and sizes, before its bytes: four for each, and images have three sizes.
IMAGES_HEADER, LABELS_HEADER = 16, 8

Pictures = np.ndarray[Any, np.dtype[np.float32]]
Classes = np.ndarray[Any, np.dtype[np.int64]]


def training_digits(data_dir: Path | None) -> tuple[Pictures, Classes]:
    """Grey pictures, float32 [images, 28, 28] in -0.5..0.5, and their classes [images].

    Args:
        data_dir: The folder with `mnist/train-images-idx3-ubyte.gz` and its labels; None, or a folder without them,
            gives scikit-learn's digits.
    """
    folder = data_dir / "mnist" if data_dir else None
    if folder is None or not (folder / "train-images-idx3-ubyte.gz").is_file():
        return _small_digits()
    return _mnist(folder)


def _mnist(folder: Path) -> tuple[Pictures, Classes]:
    pixels = _read(folder / "train-images-idx3-ubyte.gz", IMAGES_HEADER, SIDE * SIDE)
    labels = _read(folder / "train-labels-idx1-ubyte.gz", LABELS_HEADER, 1)
    return _centred(pixels.reshape(-1, SIDE, SIDE) / 255), labels.astype(np.int64)


def _read(path: Path, header: int, size: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    with gzip.open(path) as file:
        return np.frombuffer(file.read(header + MNIST_IMAGES * size), np.uint8, offset=header)


def _small_digits() -> tuple[Pictures, Classes]:
    digits = load_digits()
    # 8x8 pixels of 0 to 16, each made 3x3, and a frame of two pixels around them: 28x28.
    enlarged = np.kron(digits.images / 16, np.ones((1, 3, 3)))
    return _centred(np.pad(enlarged, ((0, 0), (2, 2), (2, 2)))), digits.target.astype(np.int64)


def _centred(unit: np.ndarray[Any, np.dtype[np.float64]]) -> Pictures:
    return (unit - 0.5).astype(np.float32)
