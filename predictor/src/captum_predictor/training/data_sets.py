"""MNIST and Fashion-MNIST: found on this machine or downloaded, and checked by the published bytes' MD5."""

import gzip
import hashlib
import os
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import requests
import torch
from tqdm import tqdm

from captum_predictor.model.atomic_files import replace_file

FOLDER_VARIABLE = "KSERVE_CAPTUM_DATA"

_TIMEOUT = (10, 60)  # seconds to connect, and between two reads
_CHUNK = 1 << 16
_MOST_BYTES = 1 << 26  # the largest file of the data sets has 26 MB


class DataSetError(Exception):
    """Data that is missing or has the wrong bytes; the message is one sentence for the user."""


@dataclass(frozen=True)
class DataSet:
    """A data set of IDX files: where it is published, its classes, and each unpacked file's MD5."""

    name: str
    address: str
    credit: str
    labels: tuple[str, ...]
    md5: Mapping[str, str]


@dataclass(frozen=True)
class Split:
    """Images, uint8 `[n, 1, 28, 28]`, and their classes, int64 `[n]`."""

    images: torch.Tensor
    classes: torch.Tensor


DATA_SETS: Mapping[str, DataSet] = {
    "mnist": DataSet(
        name="mnist",
        address="https://ossci-datasets.s3.amazonaws.com/mnist/",
        credit="MNIST by Y. LeCun, C. Cortes and C. Burges (CC BY-SA 3.0)",
        labels=tuple("0123456789"),
        md5={
            "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
            "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
            "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
            "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
        },
    ),
    "fashion-mnist": DataSet(
        name="fashion-mnist",
        # A bucket that is served as a website has no https; the checksum guards the bytes.
        address="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        credit="Fashion-MNIST by Zalando SE (MIT)",
        labels=(
            *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
            *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        ),
        md5={
            "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
            "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
            "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
            "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
        },
    ),
}


def read_split(data_set: DataSet, part: str, data_dir: Path | None = None, may_download: bool = True) -> Split:
    """Read a part, `train` or `t10k`, of a data set.

    Each file is looked for in `data_dir`, in the folder that $KSERVE_CAPTUM_DATA names and in the user's cache (in the
    sub-folder of the data set's name, packed or not), and then downloaded into `data_dir` or else the cache.
    Raises `DataSetError`.
    """
    images = _read_idx(data_set, f"{part}-images-idx3-ubyte", data_dir, may_download)
    classes = _read_idx(data_set, f"{part}-labels-idx1-ubyte", data_dir, may_download)
    return Split(torch.from_numpy(images).unsqueeze(1), torch.from_numpy(classes.astype(np.int64)))


def _read_idx(data_set: DataSet, name: str, data_dir: Path | None, may_download: bool) -> np.ndarray:
    path = find_file(data_set.name, (f"{name}.gz", name), data_dir)
    if path is None:
        if not may_download:
            folders = ", ".join(map(str, list_data_folders(data_dir)))
            raise DataSetError(
                f"{data_set.name}/{name}.gz is in none of {folders}; name its folder by {FOLDER_VARIABLE}"
            )
        path = _fetch(data_set, name, data_dir)
    content = _unpack(path)
    _check(path, content, data_set.md5[name])
    dimensions = content[3]  # IDX: two zero bytes, the type, the number of dimensions, then each as a big-endian int
    shape = struct.unpack_from(f">{dimensions}I", content, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape).copy()


def find_file(sub_folder: str, names: Sequence[str], data_dir: Path | None) -> Path | None:
    """Give the first file of these names in that sub-folder of the data folders, if there is one."""
    paths = (folder / sub_folder / name for folder in list_data_folders(data_dir) for name in names)
    return next((path for path in paths if path.is_file()), None)


def list_data_folders(data_dir: Path | None) -> list[Path]:
    """Give the folders in which data is looked for, in their order."""
    named = os.environ.get(FOLDER_VARIABLE)
    return [*([data_dir] if data_dir else []), *([Path(named)] if named else []), find_cache_folder()]


def find_cache_folder() -> Path:
    """Give the folder for downloads if no other is named."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kserve-captum"


def _fetch(data_set: DataSet, name: str, data_dir: Path | None) -> Path:
    path = (data_dir or find_cache_folder()) / data_set.name / f"{name}.gz"
    address = data_set.address + path.name

    try:
        _download(address, path, lambda packed: _check(packed, _unpack(packed), data_set.md5[name]))
    except OSError as error:  # requests' exceptions are OSErrors
        reason = " ".join(str(error).split())
        raise DataSetError(f"{address} could not be downloaded ({reason}); put the file at {path} by hand") from error
    return path


def _download(address: str, path: Path, check: Callable[[Path], None]) -> None:
    """Download `address` to `path`; the file appears only after `check`, called on its temporary path, has returned.

    Raises `OSError` (of which requests' exceptions are), or what `check` raises.
    """
    # identity: else a server that packs on the way would have the archive unpacked here
    headers = {"Accept-Encoding": "identity"}
    with (
        requests.get(address, headers=headers, stream=True, timeout=_TIMEOUT) as response,
        replace_file(path) as temporary,
    ):
        response.raise_for_status()
        total = int(response.headers.get("Content-Length", 0)) or None
        with temporary.open("wb") as file, tqdm(total=total, desc=path.name, unit="B", unit_scale=True) as bar:
            for chunk in response.iter_content(_CHUNK):
                file.write(chunk)
                bar.update(len(chunk))
                if bar.n > _MOST_BYTES:
                    raise OSError(f"got more than {_MOST_BYTES} bytes, expected a data set's file")
        check(temporary)


def _unpack(path: Path) -> bytes:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return file.read()
    except (OSError, EOFError, zlib.error) as error:
        raise DataSetError(f"{path} cannot be read ({error}); remove it, and it will be downloaded again") from error


def _check(path: Path, content: bytes, expected: str) -> None:
    got = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if got != expected:
        raise DataSetError(f"{path} holds other bytes than the published ones: unpacked MD5 {got}, expected {expected}")
