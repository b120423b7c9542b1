"""Encoded pictures as instances."""

import base64
import io
import warnings

import numpy as np
from captum_serving.errors import BadInput, TooLarge
from PIL import Image, UnidentifiedImageError

from captum_explainer.predictor_client.description import Description
from captum_explainer.settings import Limits

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")
# If the model's shape is not known, larger pictures are refused. Decompression bombs always are.
MAX_SIDE = 4096
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
BYTES_PER_NUMBER = 4


class PictureDecoder:
    """Decodes one request's pictures, one after another, up to a number of pixels that their headers announce."""

    def __init__(self, description: Description, limits: Limits) -> None:
        self._description = description
        self._limits = limits
        self._pixels = 0
        self._bytes = 0

    def decode_base64(self, text: object, name: str = "b64") -> np.ndarray:
        """Decode `{"b64": text}` as `decode` does. `name` is the text's name in an error."""
        if not isinstance(text, str):
            raise BadInput(f"{name} is not a string; expected a picture in base64")
        try:
            data = base64.b64decode(text.partition(",")[2] if text.startswith("data:") else text, validate=True)
        except ValueError:  # binascii.Error is one, and so is the error for text that is not ASCII
            raise BadInput(f"{name} is not base64; expected a picture in base64") from None
        return self.decode(data)

    def decode(self, data: bytes) -> np.ndarray:
        """Decode a picture to float32 in the model's declared range and shape, [channels, height, width].

        If the model's shape is not known: [height, width] for a grey picture, else [height, width, 3], in 0..1.

        Raises:
            BadInput: It is not a picture, it is broken, or it has another size than the model's input.
            TooLarge: The request's pictures have more pixels, or make more numbers, than the server takes.
        """
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                picture = Image.open(io.BytesIO(data), formats=FORMATS)
                self._count(picture)
                return _read_pixels(picture, self._description)
        except UnidentifiedImageError:
            raise BadInput(f"the picture's format is not known; expected one of {', '.join(FORMATS)}") from None
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            raise BadInput(f"the picture is much too large; expected at most {MAX_SIDE}x{MAX_SIDE}") from None
        except (OSError, ValueError, SyntaxError, EOFError):
            raise BadInput("the picture is damaged; expected an intact one") from None

    def _count(self, picture: Image.Image) -> None:
        _check_size(picture, self._description)
        self._pixels += picture.width * picture.height
        if self._pixels > self._limits.max_pixels:
            raise TooLarge(
                f"the request's pictures have {self._pixels} pixels or more; expected at most "
                f"{self._limits.max_pixels} (the server's limit, --max_pixels)"
            )
        # Of a known shape, the number of instances has told their size.
        if self._description.input_shape is None:
            self._bytes += BYTES_PER_NUMBER * picture.width * picture.height * (1 if _is_grey(picture) else 3)
            check_bytes(self._bytes, self._limits)


def check_bytes(size: int, limits: Limits) -> None:
    """Check the bytes of a request's instances as float32.

    Raises:
        TooLarge: More than the server takes.
    """
    if size > limits.max_input_bytes:
        raise TooLarge(
            f"the instances have {size} bytes as float32; expected at most {limits.max_input_bytes} "
            "(the server's limit, --max_input_bytes): send fewer or smaller ones"
        )


def _check_size(picture: Image.Image, description: Description) -> None:
    shape, (width, height) = description.input_shape, picture.size
    if shape is None:
        if max(width, height) > MAX_SIDE:
            raise BadInput(f"the picture is {width}x{height}; expected at most {MAX_SIDE}x{MAX_SIDE}")
        return
    if len(shape) != 3 or shape[0] not in MODES:
        raise BadInput(
            f"a picture was sent, and the model's input has the shape {list(shape)}; expected nested numbers"
        )
    if (height, width) != shape[1:]:
        raise BadInput(f"the picture is {width}x{height}; expected {shape[2]}x{shape[1]}, the model's input")


def _is_grey(picture: Image.Image) -> bool:
    return picture.mode in ("1", "L", "LA", "I;16")


def _read_pixels(picture: Image.Image, description: Description) -> np.ndarray:
    if description.input_shape is None:
        numbers = np.asarray(_convert(picture, "L" if _is_grey(picture) else "RGB"), dtype=np.float32)
        numbers /= np.float32(255.0)
        return numbers
    channels, height, width = description.input_shape
    low, high = description.input_range or (0.0, 1.0)
    planes = np.asarray(_convert(picture, MODES[channels]), dtype=np.float32).reshape(height, width, channels)
    return np.ascontiguousarray(np.moveaxis(planes, -1, 0)) / np.float32(255.0) * np.float32(high - low) + np.float32(
        low
    )


def _convert(picture: Image.Image, mode: str) -> Image.Image:
    if picture.mode == "I;16":
        # Pillow's own conversion clips: every grey above 255 of 65535 would be white.
        picture = Image.fromarray(np.round(np.asarray(picture) / 257.0).astype(np.uint8))
    return picture.convert(mode)
