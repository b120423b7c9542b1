"""Groups the values of an instance into segments: superpixels, patches, or single values.

scikit-image is imported where it is needed: with SciPy it takes a second, and most requests do not need it.
"""

import math

import numpy as np
import torch
from captum_serving.errors import BadInput
from torch import Tensor

from captum_explainer.inputs.image_axes import CHANNELS, find_layout

# The segments are areas of the picture, the same in all channels.
PLANAR = ("slic", "felzenszwalb", "quickshift", "grid")
ALGORITHMS = (*PLANAR, "pixels")
# These depend only on the shape.
ALIKE = ("grid", "pixels")
# Quickshift weighs distances in the picture against distances in Lab colours, whose lightness is 0 to 100.
LIGHTNESS = 100.0


def is_picture(shape: tuple[int, ...] | None) -> bool:
    """Whether an instance's shape is a picture's, or not known yet."""
    return shape is None or find_layout(shape) is not None


def segment(instance: Tensor, algorithm: str, n_segments: int, value_range: tuple[float, float] | None) -> Tensor:
    """The segment of each value: int64 [1, *instance shape], numbered from 0 without gaps.

    Args:
        instance: float32, one picture ([height, width], or with channels first or last), or any shape for `pixels`.
        algorithm: One of ALGORITHMS.
        n_segments: How many superpixels or patches, about.
        value_range: What the model declares; the segments do not depend on the units of the pixels.

    Raises:
        BadInput: The algorithm is for pictures, and the instance is not one.
    """
    if algorithm == "pixels":
        return torch.arange(instance.numel()).reshape(1, *instance.shape)
    layout = find_layout(tuple(instance.shape))
    if layout is None:
        shape = list(instance.shape)
        raise BadInput(f"segmentation is {algorithm!r} and the shape {shape} is not a picture's; expected 'pixels'")
    picture = _scale_to_unit(layout.move_channels_last(instance.numpy()), value_range)
    divide = {
        "slic": _divide_by_slic,
        "felzenszwalb": _divide_by_felzenszwalb,
        "quickshift": _divide_by_quickshift,
        "grid": _divide_by_grid,
    }[algorithm]
    labels = divide(picture, n_segments)
    _, numbered = np.unique(labels, return_inverse=True)
    plane = torch.from_numpy(numbered.reshape(labels.shape).astype(np.int64))
    return layout.spread(plane).expand(1, *instance.shape).contiguous()


def _scale_to_unit(picture: np.ndarray, value_range: tuple[float, float] | None) -> np.ndarray:
    low, high = value_range or (float(picture.min()), float(picture.max()))
    return ((picture - low) / ((high - low) or 1.0)).astype(np.float64)


def _divide_by_slic(picture: np.ndarray, n_segments: int) -> np.ndarray:
    from skimage.segmentation import slic

    # For a grey picture skimage's default compactness (10, meant for colours) leaves nothing but squares.
    return np.asarray(slic(picture, n_segments=n_segments, compactness=0.1, start_label=0, channel_axis=-1))


def _divide_by_felzenszwalb(picture: np.ndarray, n_segments: int) -> np.ndarray:
    from skimage.segmentation import felzenszwalb

    # It takes no number of segments: a background of one colour stays one segment.
    height, width, channels = picture.shape
    colours = picture[..., :3] if channels in CHANNELS else picture
    return np.asarray(felzenszwalb(colours, min_size=max(1, height * width // (2 * n_segments)), channel_axis=-1))


def _divide_by_quickshift(picture: np.ndarray, n_segments: int) -> np.ndarray:
    from skimage.segmentation import quickshift

    height, width, channels = picture.shape
    reach = math.sqrt(height * width / n_segments)
    coloured = channels in CHANNELS
    if coloured:
        picture = np.repeat(picture, 3, axis=-1) if channels == 1 else picture[..., :3]
    else:
        picture = picture * LIGHTNESS
    return np.asarray(
        quickshift(  # type: ignore[no-untyped-call]
            picture, kernel_size=1, max_dist=reach, ratio=0.5, rng=0, convert2lab=coloured
        )
    )


def _divide_by_grid(picture: np.ndarray, n_segments: int) -> np.ndarray:
    height, width = picture.shape[:2]
    side = max(1, round(math.sqrt(height * width / n_segments)))
    rows, columns = np.arange(height) // side, np.arange(width) // side
    return np.asarray(rows[:, None] * (columns[-1] + 1) + columns[None, :])
