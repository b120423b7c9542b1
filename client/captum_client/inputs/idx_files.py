"""Reads IDX, the file format of MNIST and Fashion-MNIST."""

import gzip
import zlib
from pathlib import Path

import numpy as np

from captum_client.errors import QueryError
from captum_client.printable import make_printable

IMAGES_MAGIC, LABELS_MAGIC = 0x803, 0x801


def read_idx_item(path: Path, magic: int, index: int, shape: tuple[int, ...]) -> bytes:
    """Return the bytes of item `index` of an IDX file of uint8 items with the given shape.

    Raises QueryError if the file cannot be read or is another kind of file.
    """
    size = int(np.prod(shape, dtype=int))
    header_size = 8 + 4 * len(shape)
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            header = np.frombuffer(file.read(header_size), ">u4")
            if header.size != 2 + len(shape) or header[0] != magic or tuple(header[2:]) != shape:
                raise QueryError(f"{path} is not an IDX file of the expected shape.")
            file.seek(header_size + index * size)
            item = file.read(size)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise QueryError(f"{path} cannot be read: {make_printable(error)}.", "Download the file again.") from error
    if len(item) != size:
        raise QueryError(f"{path} ends before item {index}.", "Download the file again.")
    return item
