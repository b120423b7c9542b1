import base64
import dataclasses
import io
import struct
import zlib

import numpy as np
import pytest
from captum_explainer.inputs.pictures import MAX_SIDE, PictureDecoder
from captum_explainer.settings import Limits
from captum_serving.errors import BadInput, TooLarge
from PIL import Image

LEVELS = np.random.default_rng(5).integers(0, 256, (6, 6, 4)).astype(np.uint8)


def encoded(pixels, name="PNG", mode=None):
    picture = Image.fromarray(pixels)
    file = io.BytesIO()
    (picture.convert(mode) if mode else picture).save(file, name)
    return file.getvalue()


def decode(data, description):
    return PictureDecoder(description, Limits()).decode(data)


def decode_base64(text, description):
    return PictureDecoder(description, Limits()).decode_base64(text)


@pytest.fixture
def model(description):
    """A model of that input shape and range; None, None: of a predictor that tells nothing."""
    return lambda shape, value_range: dataclasses.replace(description, input_shape=shape, input_range=value_range)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.0, 255.0), (-1.0, 1.0)])
@pytest.mark.parametrize("name", ["PNG", "BMP", "GIF"])
def test_grey_pixels_are_in_the_declared_range(name, low, high, model):
    pixels = decode(encoded(LEVELS[..., 0], name), model((1, 6, 6), (low, high)))
    assert pixels.dtype == np.float32
    np.testing.assert_allclose(pixels, LEVELS[None, ..., 0] / 255 * (high - low) + low, atol=1e-6 * (high - low))


@pytest.mark.parametrize("channels", [3, 4])
def test_colours_become_channels(channels, model):
    pixels = decode(encoded(LEVELS[..., :channels]), model((channels, 6, 6), (0.0, 1.0)))
    np.testing.assert_allclose(pixels, np.moveaxis(LEVELS[..., :channels], -1, 0) / 255, atol=1e-6)


def test_a_colour_picture_of_a_grey_model_is_made_grey(model):
    pixels = decode(encoded(LEVELS[..., :3]), model((1, 6, 6), (0.0, 1.0)))
    luma = LEVELS[..., :3] @ np.array([0.299, 0.587, 0.114])  # ITU-R 601
    np.testing.assert_allclose(pixels[0], luma / 255, atol=0.6 / 255)


def test_a_grey_picture_of_a_colour_model_is_repeated(model):
    pixels = decode(encoded(LEVELS[..., 0]), model((3, 6, 6), (0.0, 1.0)))
    np.testing.assert_allclose(pixels, np.stack([LEVELS[..., 0] / 255] * 3), atol=1e-6)


@pytest.mark.parametrize("mode", ["1", "LA", "P", "L"])
def test_black_and_white_is_the_same_in_every_mode(mode, model):
    chequered = (np.indices((6, 6)).sum(0) % 2 * 255).astype(np.uint8)
    pixels = decode(encoded(chequered, mode=mode), model((1, 6, 6), (0.0, 1.0)))
    np.testing.assert_array_equal(pixels[0], chequered / 255)


@pytest.mark.parametrize("shape", [(1, 6, 6), None])
def test_sixteen_bits_keep_their_greys(shape, model):
    deep = LEVELS[..., 0].astype(np.uint16) * 257
    pixels = decode(encoded(deep), model(shape, (0.0, 1.0)))
    np.testing.assert_allclose(pixels.reshape(6, 6), deep / 65535, atol=1e-6)


@pytest.mark.parametrize("name", ["JPEG", "WEBP"])
def test_lossy_formats_are_read(name, model):
    flat = np.full((6, 6, 3), 120, np.uint8)
    pixels = decode(encoded(flat, name), model((3, 6, 6), (0.0, 1.0)))
    np.testing.assert_allclose(pixels, 120 / 255, atol=3 / 255)


def test_of_an_unknown_shape_a_picture_keeps_its_own(model):
    assert decode(encoded(LEVELS[:4, :, 0]), model(None, None)).shape == (4, 6)
    np.testing.assert_allclose(decode(encoded(LEVELS), model(None, None)), LEVELS[..., :3] / 255, atol=1e-6)


def test_base64_may_be_a_data_url(model):
    text = base64.b64encode(encoded(LEVELS[..., 0])).decode()
    plain = decode_base64(text, model((1, 6, 6), (0.0, 1.0)))
    np.testing.assert_array_equal(plain, LEVELS[None, ..., 0] / np.float32(255))
    np.testing.assert_array_equal(decode_base64(f"data:image/png;base64,{text}", model((1, 6, 6), (0.0, 1.0))), plain)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (5, "b64 is not a string; expected a picture in base64"),
        ("no base64!", "b64 is not base64; expected a picture in base64"),
        ("ä", "b64 is not base64; expected a picture in base64"),
        ("data:image/png", "the picture's format is not known; expected one of PNG, JPEG, GIF, BMP, WEBP"),
        ("", "the picture's format is not known; expected one of PNG, JPEG, GIF, BMP, WEBP"),
    ],
)
def test_what_is_no_base64_of_a_picture_is_refused(text, sentence, description):
    with pytest.raises(BadInput) as refusal:
        decode_base64(text, description)
    assert refusal.value.sentence == sentence


@pytest.mark.parametrize("name", ["PNG", "JPEG", "GIF", "BMP", "WEBP"])
@pytest.mark.parametrize("share", [0.3, 0.5, 0.7, 0.9])
def test_a_picture_that_ends_early_is_refused(name, share, model):
    noise = np.random.default_rng(6).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    data = encoded(noise, name)
    with pytest.raises(BadInput, match="the picture"):
        decode(data[: int(share * len(data))], model((3, 64, 64), (0.0, 1.0)))


def test_a_picture_with_a_damaged_chunk_is_refused(model):
    data = bytearray(encoded(LEVELS[..., 0]))
    data[data.index(b"IDAT") + 6] ^= 0xFF
    with pytest.raises(BadInput, match="the picture is damaged; expected an intact one"):
        decode(bytes(data), model((1, 6, 6), (0.0, 1.0)))


def test_another_size_is_refused(description):
    with pytest.raises(BadInput, match="the picture is 6x4; expected 6x6, the model's input"):
        decode(encoded(LEVELS[:4, :, 0]), description)


@pytest.mark.parametrize("shape", [(4,), (2, 6, 6), (6, 6)])
def test_a_model_of_no_pictures_is_sent_none(shape, model):
    with pytest.raises(BadInput, match="a picture was sent, and the model's input has the shape"):
        decode(encoded(LEVELS[..., 0]), model(shape, (0.0, 1.0)))


def png_header(width, height):
    """A PNG that says how large it is, and then nothing that can be decoded."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    size = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", b"x") + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [MAX_SIDE + 1, 12_000, 50_000])
def test_bombs_are_refused_before_they_are_decoded(side, model, monkeypatch):
    monkeypatch.setattr(Image.Image, "convert", lambda *_: pytest.fail("it was decoded"))
    for shape in (None, (1, 6, 6)):
        with pytest.raises(BadInput, match=r"expected (at most 4096x4096|6x6)"):
            decode(png_header(side, side), model(shape, (0.0, 1.0)))


@pytest.mark.parametrize("shape", [None, (1, 6, 6)])
def test_the_pixels_of_all_pictures_are_counted_before_any_of_them_is_decoded(shape, model, monkeypatch):
    decoder = PictureDecoder(model(shape, (0.0, 1.0)), Limits(max_pixels=80))
    for _ in range(2):
        decoder.decode(encoded(LEVELS[..., 0]))
    monkeypatch.setattr(Image.Image, "convert", lambda *_: pytest.fail("it was decoded"))
    with pytest.raises(TooLarge, match=r"108 pixels or more; expected at most 80 \(the server's limit, --max_pixels\)"):
        decoder.decode(encoded(LEVELS[..., 0]))


def test_of_an_unknown_shape_the_numbers_are_counted_too(model, monkeypatch):
    decoder = PictureDecoder(model(None, None), Limits(max_input_bytes=4 * 144))
    decoder.decode(encoded(LEVELS[..., 0]))
    decoder.decode(encoded(LEVELS[..., :3]))
    monkeypatch.setattr(Image.Image, "convert", lambda *_: pytest.fail("it was decoded"))
    with pytest.raises(TooLarge, match="the instances have 720 bytes as float32; expected at most 576"):
        decoder.decode(encoded(LEVELS[..., 0]))


def test_a_phones_picture_and_a_thousand_small_ones_are_not_too_many_pixels():
    assert Limits().max_pixels >= 8000 * 6000
    assert Limits().max_pixels >= 990 * 224 * 224
