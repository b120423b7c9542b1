import numpy as np
import pytest
from captum_explainer.inputs.image_axes import find_layout
from captum_explainer.rendering.options import read_render
from captum_explainer.rendering.picture_png.looks import draw_look, restore_original

VALUES = np.array([[1.0, 0.0], [-1.0, 0.5]])
ORIGINAL = np.array([[[200, 100, 0], [50, 50, 50]], [[0, 0, 0], [255, 255, 255]]], dtype=np.uint8)


def drawn(**render):
    return draw_look(read_render(render), VALUES, ORIGINAL).astype(int)


def test_a_heat_map_has_the_maps_colours_alone():
    picture = drawn(look="heat_map", cmap="bwr")
    assert picture.tolist()[0] == [[255, 0, 0], [255, 255, 255]]
    assert picture.tolist()[1][0] == [0, 0, 255]


def test_a_blended_heat_map_lies_over_the_grey_picture():
    picture = drawn(look="blended_heat_map", cmap="bwr", alpha_overlay=0.25)
    assert picture[0, 0].tolist() == [139, 75, 75]  # a quarter of red over three quarters of grey 100
    assert picture[0, 1].tolist() == [101, 101, 101]
    assert drawn(look="blended_heat_map", alpha_overlay=0)[0, 0].tolist() == [100, 100, 100]
    np.testing.assert_array_equal(drawn(look="blended_heat_map", alpha_overlay=1), drawn(look="heat_map"))


def test_the_original_is_left_alone():
    np.testing.assert_array_equal(drawn(look="original_image"), ORIGINAL)


def test_a_masked_image_is_black_where_nothing_counts():
    assert drawn(look="masked_image").tolist() == [[[200, 100, 0], [0, 0, 0]], [[0, 0, 0], [128, 128, 128]]]


def test_alpha_scaling_is_white_where_nothing_counts():
    assert drawn(look="alpha_scaling").tolist() == [[[200, 100, 0], [255, 255, 255]], [[0, 0, 0], [255, 255, 255]]]


def test_negative_attributions_are_blue_by_themselves():
    values = np.array([[-1.0, 0.0]])
    picture = draw_look(read_render({"look": "heat_map", "sign": "negative"}), values, ORIGINAL[:1]).astype(int)
    assert picture[0, 0, 2] > picture[0, 0, 0] + 60
    assert picture[0, 1].min() > 240


def test_magnitudes_have_a_colour_of_neither_sign():
    values = np.array([[1.0, 0.0]])
    red, green, blue = draw_look(read_render({"look": "heat_map", "sign": "absolute_value"}), values, ORIGINAL[:1])[
        0, 0
    ]
    assert min(red, blue) > green


@pytest.mark.parametrize(
    ("instance", "input_range", "expected"),
    [
        ([[[0.0, 1.0]]], (0.0, 1.0), [[0] * 3, [255] * 3]),
        ([[[-1.0, 0.0]]], (-1.0, 1.0), [[0] * 3, [128] * 3]),
        ([[0.0, 0.5]], None, [[0] * 3, [128] * 3]),
        ([[0.0, 51.0]], None, [[0] * 3, [51] * 3]),
        ([[-5.0, 15.0]], None, [[0] * 3, [255] * 3]),
        ([[-5.0, -5.0]], None, [[128] * 3, [128] * 3]),
        ([[[0.0]], [[0.2]], [[1.0]]], None, [[0, 51, 255]]),
        ([[[0.0]], [[0.2]], [[1.0]], [[0.3]]], None, [[0, 51, 255]]),
        ([[[0.0, 0.0]] * 2, [[1.0, 1.0]] * 2], None, [[128] * 3] * 2),
        ([[[0.0, 0.2, 1.0], [0.0, 0.0, 0.0]]] * 5, None, [[0, 51, 255], [0, 0, 0]]),
    ],
)
def test_inputs_look_as_they_are(instance, input_range, expected):
    array = np.array(instance)
    picture = restore_original(array, find_layout(array.shape), input_range)
    assert picture.dtype == np.uint8
    assert picture[0].tolist() == expected
