"""Encoded pictures as instances."""

import base64
import io
import warnings

import numpy as np
from captum_serving.errors import BadInput
from PIL import Image, UnidentifiedImageError

from captum_explainer.predictor_client.description import Description

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")
# If the model's shape is not known, larger pictures are refused. Decompression bombs always are.
MAX_SIDE = 4096
MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def decode_base64(text: object, description: Description, name: str = "b64") -> np.ndarray:
    """Decode `{"b64": text}` as `decode` does. `name` is the text's name in an error."""
    if not isinstance(text, str):
        raise BadInput(f"{name} is not a string; expected a picture in base64")
    try:
        data = base64.b64decode(text.partition(",")[2] if text.startswith("data:") else text, validate=True)
    except ValueError:  # binascii.Error is one, and so is the error for text that is not ASCII
        raise BadInput(f"{name} is not base64; expected a picture in base64") from None
    return decode(data, description)


def decode(data: bytes, description: Description) -> np.ndarray:
    """Decode a picture to float32 in the model's declared range and shape, [channels, height, width].

    If the model's shape is not known: [height, width] for a grey picture, else [height, width, 3], in 0..1.

    Raises:
        BadInput: It is not a picture, it is broken, or it has another size than the model's input.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return _read_pixels(Image.open(io.BytesIO(data), formats=FORMATS), description)
    except UnidentifiedImageError:
        raise BadInput(f"the picture's format is not known; expected one of {', '.join(FORMATS)}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise BadInput(f"the picture is much too large; expected at most {MAX_SIDE}x{MAX_SIDE}") from None
    except (OSError, ValueError, SyntaxError, EOFError):
        raise BadInput("the picture is damaged; expected an intact one") from None


def _read_pixels(picture: Image.Image, description: Description) -> np.ndarray:
    shape = description.input_shape
    if shape is None:
        if max(picture.size) > MAX_SIDE:
            raise BadInput(f"the picture is {picture.width}x{picture.height}; expected at most {MAX_SIDE}x{MAX_SIDE}")
        grey = picture.mode in ("1", "L", "LA", "I;16")
        return np.asarray(_convert(picture, "L" if grey else "RGB"), dtype=np.float32) / 255.0
    if len(shape) != 3 or shape[0] not in MODES:
        raise BadInput(
            f"a picture was sent, and the model's input has the shape {list(shape)}; expected nested numbers"
        )
    channels, height, width = shape
    if picture.size != (width, height):
        raise BadInput(f"the picture is {picture.width}x{picture.height}; expected {width}x{height}, the model's input")
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
