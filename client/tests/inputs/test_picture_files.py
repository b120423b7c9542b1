from pathlib import Path
from typing import Any

import numpy as np
import pytest
from captum_client.errors import QueryError
from captum_client.inputs.picture_files import read_picture
from PIL import Image


def save(picture: Image.Image, name: str = "picture.png", **options: Any) -> Path:
    picture.save(name, **options)
    return Path(name)


def gradient() -> np.ndarray:
    return np.add.outer(np.arange(28), np.arange(28)).astype(np.uint8) * 4


def test_picture_of_the_models_size_keeps_its_values() -> None:
    pixels = read_picture(save(Image.fromarray(gradient())), invert=False)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, gradient())


def test_invert() -> None:
    np.testing.assert_array_equal(read_picture(save(Image.fromarray(gradient())), invert=True), 255 - gradient())


def test_large_picture_is_averaged() -> None:
    large = np.kron(gradient(), np.ones((10, 10), np.uint8))
    np.testing.assert_array_equal(read_picture(save(Image.fromarray(large)), invert=False), gradient())


def test_colour_becomes_luminance() -> None:
    pixels = read_picture(save(Image.new("RGB", (28, 28), (255, 0, 0))), invert=False)
    assert set(pixels.flat) == {76}  # ITU-R 601: 0.299 of red


@pytest.mark.parametrize(("size", "inside"), [((100, 50), np.s_[7:21, :]), ((50, 100), np.s_[:, 7:21])])
def test_shorter_side_is_filled_with_the_borders_colour(size: tuple[int, int], inside: tuple[slice, slice]) -> None:
    picture = Image.new("L", size, 30)
    picture.paste(200, (10, 10, size[0] - 10, size[1] - 10))
    pixels = read_picture(save(picture), invert=False)
    outside = np.ones((28, 28), bool)
    outside[inside] = False
    assert set(pixels[outside]) == {30}
    assert pixels[14, 14] == 200
    assert pixels[inside].shape == (14, 28) if size[0] > size[1] else (28, 14)


def test_thin_picture() -> None:
    assert read_picture(save(Image.new("L", (1, 5000), 9)), invert=False).tolist() == np.full((28, 28), 9).tolist()


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparent_counts_as_white(mode: str) -> None:
    transparent = (0, 0, 0, 0) if mode == "RGBA" else (0, 0)
    assert set(read_picture(save(Image.new(mode, (28, 28), transparent)), invert=False).flat) == {255}


def test_transparent_colour_of_a_palette() -> None:
    picture = Image.new("P", (28, 28), 3)
    picture.putpalette(bytes(range(30)))
    assert set(read_picture(save(picture, transparency=3), invert=False).flat) == {255}


def test_black_and_white_picture() -> None:
    assert set(read_picture(save(Image.new("1", (28, 28), 1)), invert=False).flat) == {255}


def test_sixteen_bits_are_scaled() -> None:
    values = np.linspace(0, 65535, 28 * 28).reshape(28, 28).astype(np.uint16)
    pixels = read_picture(save(Image.fromarray(values)), invert=False)
    np.testing.assert_allclose(pixels, values / 257, atol=0.51)


def test_jpeg_lies_as_its_camera_was_held() -> None:
    picture = Image.new("L", (280, 280), 0)
    picture.paste(255, (0, 0, 280, 140))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by 90 degrees: the upper half comes to the right
    pixels = read_picture(save(picture, "photo.jpg", exif=exif), invert=False).astype(int)
    assert pixels[:, :13].max() < 10
    assert pixels[:, 15:].min() > 245


def test_name_does_not_make_a_format() -> None:
    path = save(Image.new("L", (28, 28)), "picture.bmp").rename("picture.png")
    with pytest.raises(QueryError, match=r"picture\.png is not a PNG or JPEG picture\."):
        read_picture(path, invert=False)
