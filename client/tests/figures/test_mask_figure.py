import numpy as np
import pytest
from captum_client.answers.aix_masks import ImageMasks
from captum_client.figures.mask_figure import draw_masks, overlay
from captum_client.inputs.image import InputImage

PIXELS = np.zeros((28, 28), np.uint8)
PIXELS[:, 14:] = 255
DIGITS = [str(digit) for digit in range(10)]


def masks(count: int) -> ImageMasks:
    return ImageMasks(np.zeros((count, 28, 28), np.int8), list(range(count)))


def test_the_mask_tints_what_it_covers() -> None:
    mask = np.zeros((28, 28), np.int8)
    mask[0], mask[1] = 1, -1
    picture = overlay(PIXELS, mask)
    np.testing.assert_array_equal(picture[2:], np.repeat(PIXELS[2:, :, None] / 255, 3, axis=-1))
    red, green, blue = picture[0].T
    assert (red > blue).all()
    assert (red > green).all()
    red, green, blue = picture[1].T
    assert (blue > red).all()
    assert picture.min() >= 0
    assert picture.max() <= 1
    # The image is still seen under the tint.
    assert (picture[0, 20] > picture[0, 3]).all()


@pytest.mark.parametrize(("count", "rows"), [(1, 1), (5, 1), (6, 2), (10, 2)])
def test_five_labels_stand_in_a_row_each_under_its_title(count: int, rows: int) -> None:
    figure = draw_masks([(InputImage(PIXELS, "test image 0", "7"), masks(count))], DIGITS)
    titles = [axis.get_title() for axis in figure.axes]
    assert titles == [f"Positive for {label}\nActual 7" for label in range(count)] + [""] * (5 * rows - count)
    assert [len(axis.images) for axis in figure.axes] == [1] * count + [0] * (5 * rows - count)


def test_each_image_begins_a_row_of_its_own() -> None:
    pairs = [(InputImage(PIXELS, "a.png", "7"), masks(6)), (InputImage(PIXELS, "b.png"), masks(2))]
    titles = [axis.get_title() for axis in draw_masks(pairs, ["zero"]).axes]
    assert titles[0] == "Positive for zero\nActual 7"
    assert titles[5] == "Positive for 5\nActual 7"
    assert titles[10:12] == ["Positive for zero\nActual unknown", "Positive for 1\nActual unknown"]
    assert titles[12:] == [""] * 3


def test_too_many_are_refused() -> None:
    with pytest.raises(ValueError, match="A picture takes up to 500 panels, got 505"):
        draw_masks([(InputImage(PIXELS, "a.png"), masks(501))], DIGITS)
