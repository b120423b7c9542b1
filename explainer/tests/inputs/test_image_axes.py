import numpy as np
import pytest
import torch
from captum_explainer.inputs.image_axes import Layout, find_layout


@pytest.mark.parametrize(
    ("shape", "layout"),
    [
        ((28, 20), Layout(28, 20, None)),
        ((1, 28, 20), Layout(28, 20, 0)),
        ((3, 28, 20), Layout(28, 20, 0)),
        ((28, 20, 3), Layout(28, 20, 2)),
        ((28, 20, 1), Layout(28, 20, 2)),
        ((3, 28, 3), Layout(28, 3, 0)),  # either could be: channels first is the usual one
        ((16, 28, 20), Layout(28, 20, 0)),
        ((5,), None),
        ((2, 3, 4, 5), None),
    ],
)
def test_height_width_and_channels_are_found_by_the_shape(shape, layout):
    assert find_layout(shape) == layout


@pytest.mark.parametrize("shape", [(5, 6), (3, 5, 6), (5, 6, 3)])
def test_channels_last_and_spread_are_each_others_reverse(shape):
    layout = find_layout(shape)
    plane = torch.arange(30.0).reshape(5, 6)
    picture = layout.spread(plane).expand(shape)
    last = layout.move_channels_last(picture.numpy())
    assert last.shape[:2] == (5, 6)
    for channel in range(last.shape[2]):
        np.testing.assert_array_equal(last[..., channel], plane)
