"""Where an instance's height, width and channels are."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

CHANNELS = (1, 3, 4)


@dataclass(frozen=True)
class Layout:
    """A picture's dimensions: `channel_axis` is 0, 2, or None for [height, width]."""

    height: int
    width: int
    channel_axis: int | None

    def move_channels_last(self, picture: np.ndarray) -> np.ndarray:
        """The picture as [height, width, channels]."""
        return picture[..., None] if self.channel_axis is None else np.moveaxis(picture, self.channel_axis, -1)

    def spread(self, plane: Tensor) -> Tensor:
        """Give a plane [height, width] the picture's number of dimensions, so that it broadcasts over channels."""
        return plane if self.channel_axis is None else torch.unsqueeze(plane, self.channel_axis)


def find_layout(shape: tuple[int, ...]) -> Layout | None:
    """The layout of one instance's shape; None if it is not a picture's."""
    if len(shape) == 2:
        return Layout(shape[0], shape[1], None)
    if len(shape) != 3:
        return None
    if shape[2] in CHANNELS and shape[0] not in CHANNELS:
        return Layout(shape[0], shape[1], 2)
    return Layout(shape[1], shape[2], 0)
