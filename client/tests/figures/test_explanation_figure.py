import warnings
from io import BytesIO

import numpy as np
import pytest
from captum_client.answers.explanations import Explanation
from captum_client.figures.explanation_figure import MAX_ROWS, Row, draw_explanations, flatten_to_map
from captum_client.inputs.image import InputImage
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

SQUARE = np.zeros((28, 28), np.uint8)
SQUARE[7:21, 7:21] = 255


def row(attributions: NDArray[np.float64], target: str = "Bag", pixels: NDArray[np.uint8] = SQUARE) -> Row:
    explanation = Explanation(attributions, "deep_lift", None, "Bag", 0.75, target, 0.5, converged=False)
    return Row(InputImage(pixels, "test image 5", "Coat"), explanation)


def maps(figure: Figure, number: int) -> list[AxesImage]:
    """The four pictures of a row."""
    return [axis.get_images()[0] for axis in figure.axes[5 * number : 5 * number + 4]]


def numbers(image: AxesImage) -> NDArray[np.float64]:
    values = image.get_array()
    assert values is not None
    return np.ma.filled(values.astype(float), np.nan)


@pytest.fixture
def attributions() -> NDArray[np.float64]:
    return np.random.default_rng(0).normal(size=(1, 28, 28))


def test_row_has_the_original_all_the_positive_and_the_negative(attributions: NDArray[np.float64]) -> None:
    figure = draw_explanations([row(attributions)])
    original, all_, positive, negative = (numbers(image) for image in maps(figure, 0))
    np.testing.assert_array_equal(original, SQUARE)
    np.testing.assert_array_equal(all_, attributions[0])
    np.testing.assert_array_equal(positive, np.maximum(attributions[0], 0))
    np.testing.assert_array_equal(positive + negative, all_)


def test_row_says_what_it_shows(attributions: NDArray[np.float64]) -> None:
    original, *others, _ = draw_explanations([row(attributions)]).axes
    assert original.get_title("left") == "Predicted Bag (75.0 %)"
    assert original.get_xlabel() == "test image 5, actual Coat"
    assert [text.get_text() for text in original.texts] == [
        "deep_lift, target Bag, convergence delta 0.5 (not converged)"
    ]
    titles = ["Attributions", "Positive attributions", "Negative attributions"]
    assert [axis.get_title() for axis in others] == titles


def test_each_row_has_one_symmetric_scale_of_its_own(attributions: NDArray[np.float64]) -> None:
    figure = draw_explanations([row(attributions), row(attributions * 10)])
    peak = np.abs(attributions).max()
    for number, limit in enumerate([peak, 10 * peak]):
        _, *drawn = maps(figure, number)
        assert {image.norm.vmax for image in drawn} == {limit}
        assert {image.norm.vmin for image in drawn} == {-limit}
        bar = figure.axes[5 * number + 4]
        assert bar.get_ylim() == (-limit, limit)


def test_zero_is_white_and_positive_is_red(attributions: NDArray[np.float64]) -> None:
    _, drawn, *_ = maps(draw_explanations([row(attributions)]), 0)
    peak = np.abs(attributions).max()
    red, white, blue = np.asarray(drawn.cmap(drawn.norm(np.array([peak, 0, -peak]))))[:, :3]
    assert red[0] > 2 * red[2]
    assert blue[2] > 2 * blue[0]
    assert white.min() > 0.95


def test_zeros_can_be_drawn() -> None:
    _, drawn, *_ = maps(draw_explanations([row(np.zeros((1, 28, 28)))]), 0)
    assert (drawn.norm.vmin, drawn.norm.vmax) == (-1, 1)


def test_layer_is_summed_over_its_channels_and_scaled_to_the_image() -> None:
    layer = np.random.default_rng(0).normal(size=(16, 7, 7))
    figure = draw_explanations([row(layer)])
    original, drawn, *_ = maps(figure, 0)
    np.testing.assert_allclose(numbers(drawn), layer.sum(axis=0))
    assert drawn.get_extent() == original.get_extent()
    assert drawn.get_interpolation() == "nearest"
    assert figure.axes[0].texts[0].get_text().endswith(", sum of 16 channels")


def test_units_are_laid_out_in_a_grid() -> None:
    values, note = flatten_to_map(np.arange(10.0))
    assert values.tolist()[:2] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert values[2, :2].tolist() == [8, 9]
    assert np.isnan(values[2, 2:]).all()
    assert note == "10 units, row by row"


@pytest.mark.parametrize(("shape", "outlined"), [((1, 28, 28), True), ((7, 7), True), ((250,), False)])
def test_maps_bear_the_images_outline(shape: tuple[int, ...], outlined: bool) -> None:
    figure = draw_explanations([row(np.ones(shape))])
    assert [bool(axis.collections) for axis in figure.axes[:4]] == [False, *[outlined] * 3]


@pytest.mark.parametrize("level", [0, 255])
def test_image_of_one_grey_has_no_outline(level: int) -> None:
    figure = draw_explanations([row(np.ones((28, 28)), pixels=np.full((28, 28), level, np.uint8))])
    assert not figure.axes[1].collections


def test_outline_lies_upon_the_image() -> None:
    half = np.zeros((28, 28), np.uint8)
    half[:7] = 255
    (outline,) = draw_explanations([row(np.ones((28, 28)), pixels=half)]).axes[1].collections
    heights = np.asarray(outline.get_paths()[0].vertices, float)[:, 1]
    # A quarter of the way down, between the centres of two rows; the axis points up.
    assert np.all((heights > 1 - 7.5 / 28) & (heights < 1 - 6.5 / 28))


@pytest.mark.parametrize("target", ["$x", "$\\frac{$", "a_b^c", "鞋"])
def test_labels_are_not_read_as_formulas(target: str, attributions: NDArray[np.float64]) -> None:
    figure = draw_explanations([row(attributions, target)])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")
        figure.savefig(BytesIO())
    assert f"target {target}" in figure.axes[0].texts[0].get_text()


@pytest.mark.parametrize("count", [1, 2, 7])
def test_columns_stay_in_line_and_rows_keep_their_height(count: int) -> None:
    rows = [row(np.full((28, 28), 10.0**-number)) for number in range(count)]
    figure = draw_explanations(rows)
    width, height = figure.get_size_inches()
    for axis in figure.axes:
        axis.apply_aspect()
    positions = np.array([axis.get_position().bounds for axis in figure.axes]).reshape(count, 5, 4)
    np.testing.assert_allclose(positions[:, :, 0], positions[:1, :, 0].repeat(count, 0))
    np.testing.assert_allclose(positions[:, :4, 2] * width, positions[:, :4, 3] * height)
    np.testing.assert_allclose(positions[:, 4, 3] * height, positions[:, 0, 3] * height, rtol=0.02)
    assert height == pytest.approx(2.85 * count)


@pytest.mark.parametrize("count", [0, MAX_ROWS + 1])
def test_rows_that_do_not_fit(count: int) -> None:
    with pytest.raises(ValueError, match=f"A picture takes 1 to 100 rows, got {count}"):
        draw_explanations([row(np.ones((28, 28)))] * count)
