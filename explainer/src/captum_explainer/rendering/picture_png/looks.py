"""One attribution over its input, as Captum's `visualize_image_attr` draws it."""

import numpy as np

from captum_explainer.inputs.image_axes import Layout
from captum_explainer.rendering.colours import Picture, paint
from captum_explainer.rendering.normalization import Plane
from captum_explainer.rendering.options import Render

WHITE = 255.0
DEFAULT_CMAPS = {"absolute_value": "Purples"}


def choose_cmap(render: Render) -> str:
    """The colour map that was asked for, or the sign's default."""
    return render.cmap or DEFAULT_CMAPS.get(render.sign, "RdBu_r")


def draw_look(render: Render, values: Plane, original: Picture) -> Picture:
    """Draw normalized attributions [height, width] over the input [height, width, 3]: a picture [height, width, 3]."""
    if render.look == "original_image":
        return original
    if render.look == "masked_image":
        return _mix(np.abs(values)[..., None], original, 0.0)
    if render.look == "alpha_scaling":
        return _mix(np.abs(values)[..., None], original, WHITE)
    colours = paint(values, choose_cmap(render), render.sign)
    if render.look == "heat_map":
        return colours
    grey = original.mean(axis=2, keepdims=True)
    return _mix(render.alpha_overlay, colours, grey)


def restore_original(instance: Plane, layout: Layout, input_range: tuple[float, float] | None) -> Picture:
    """The input as a picture, uint8 [height, width, 3]: black to white is its declared range, or else its own."""
    planes = layout.move_channels_last(instance)
    if planes.shape[2] == 4:
        # The fourth channel is opacity; attributions are drawn over transparent pixels too.
        planes = planes[..., :3]
    elif planes.shape[2] != 3:
        planes = planes.mean(axis=2, keepdims=True)
    low, high = input_range or _find_range(planes)
    shares = np.clip((planes - low) / (high - low), 0.0, 1.0)
    return np.broadcast_to(np.rint(shares * WHITE).astype(np.uint8), (*planes.shape[:2], 3))


def _find_range(planes: Plane) -> tuple[float, float]:
    low, high = float(planes.min()), float(planes.max())
    for usual in (1.0, 255.0):
        if low >= 0 and high <= usual:
            return 0.0, usual
    return (low, high) if high > low else (low - 1.0, high + 1.0)


def _mix(share: float | Plane, over: Picture, under: float | Plane) -> Picture:
    mixed = share * over.astype(np.float64) + (1.0 - share) * under
    return np.rint(mixed).astype(np.uint8)
