"""Reads a picture file as the models' input: greyscale, 28 x 28."""

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from captum_client.errors import QueryError
from captum_client.printable import make_printable

SIDE = 28
MAX_BYTES = 64 * 2**20
MAX_PIXELS = 50_000_000
# Pillow's PNG and JPEG readers raise all of these for broken files.
_BROKEN = (OSError, ValueError, SyntaxError, EOFError, IndexError, struct.error, zlib.error)


def read_picture(path: Path, invert: bool) -> NDArray[np.uint8]:
    """Return a PNG or JPEG file as greyscale pixels, uint8 [28, 28]; `invert` swaps black and white.

    The whole picture is scaled to fit, and the shorter side is padded with the border's median grey. Transparent parts
    become white. A grey picture of 28 x 28 keeps its values.
    Raises QueryError for a file that is missing, broken, neither PNG nor JPEG, or too large (checked by its header).
    """
    if not path.is_file():
        raise QueryError(f"{make_printable(path)} is not a file.")
    if path.stat().st_size > MAX_BYTES:
        raise QueryError(f"{make_printable(path)} has more than {MAX_BYTES // 2**20} MB.", "Make it smaller.")
    try:
        with Image.open(path, formats=("PNG", "JPEG")) as picture:
            _refuse_absurd_size(path, picture.width, picture.height)
            grey = _convert_to_grey(ImageOps.exif_transpose(picture))
    except Image.DecompressionBombError as error:
        raise _build_size_error(path, "far too many") from error
    except UnidentifiedImageError as error:
        raise QueryError(f"{make_printable(path)} is not a PNG or JPEG picture.") from error
    except _BROKEN as error:
        raise QueryError(f"{make_printable(path)} is a broken picture: {make_printable(error, 80)}.") from error
    pixels = np.asarray(_fit_to_square(grey))
    return 255 - pixels if invert else pixels


def _refuse_absurd_size(path: Path, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise _build_size_error(path, f"{width} x {height}")


def _build_size_error(path: Path, pixels: str) -> QueryError:
    return QueryError(
        f"{make_printable(path)} has {pixels} pixels; the limit is {MAX_PIXELS // 1_000_000} million.",
        "Make it smaller.",
    )


def _convert_to_grey(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I"):  # 16 bits per pixel: Pillow's own conversion clips at 255 instead of scaling
        return Image.fromarray((np.asarray(picture, np.float64) / 257).round().clip(0, 255).astype(np.uint8))
    if picture.has_transparency_data:
        opaque = Image.new("RGBA", picture.size, "white")
        opaque.alpha_composite(picture.convert("RGBA"))
        picture = opaque
    return picture.convert("L")


def _fit_to_square(grey: Image.Image) -> Image.Image:
    if grey.size == (SIDE, SIDE):
        return grey
    pixels = np.asarray(grey)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    longest = max(grey.size)
    small = grey.resize([max(1, round(side * SIDE / longest)) for side in grey.size], Image.Resampling.BOX)
    square = Image.new("L", (SIDE, SIDE), int(np.median(border)))
    square.paste(small, ((SIDE - small.width) // 2, (SIDE - small.height) // 2))
    return square
