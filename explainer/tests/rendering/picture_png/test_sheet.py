import numpy as np
import pytest
from captum_explainer.rendering.picture_png.sheet import FONT, GAP, PAPER, TITLE_HEIGHT, Bar, Panel, Sheet, fit_text
from PIL import ImageFont


def panel(colour, title="cat 90.0%", limit=1.0):
    return Panel(np.full((40, 60, 3), colour, dtype=np.uint8), title, limit)


def test_one_picture_without_more_is_the_picture():
    sheet = Sheet(40, 60, titles=False, bar=None)
    image = sheet.draw([[panel((10, 20, 30))]])
    assert image.size == (60, 40) == sheet.measure(1, 1)[::-1]
    assert image.getcolors() == [(2400, (10, 20, 30))]


def test_rows_and_columns_are_where_they_belong():
    sheet = Sheet(40, 60, titles=False, bar=None)
    image = sheet.draw([[panel((i, j, 0)) for j in range(3)] for i in range(2)])
    assert image.size[::-1] == sheet.measure(2, 3)
    for i in range(2):
        for j in range(3):
            assert image.getpixel((j * (60 + GAP) + 30, i * (40 + GAP) + 20)) == (i, j, 0)
    assert image.getpixel((60 + GAP // 2, 20)) == PAPER


def test_a_title_is_over_its_picture_and_off_it():
    sheet = Sheet(40, 60, titles=True, bar=None)
    blank, written = (np.asarray(sheet.draw([[panel((9, 9, 9), title)]])) for title in ("", "cat"))
    changed = np.argwhere((blank != written).any(axis=2))
    assert len(changed) > 10
    assert changed[:, 0].min() >= GAP
    assert changed[:, 0].max() < GAP + TITLE_HEIGHT


def test_a_colour_bar_runs_from_most_to_least_and_says_so():
    image = Sheet(40, 60, titles=False, bar=Bar("bwr", "all")).draw([[panel((9, 9, 9), limit=2.5)]])
    x = GAP + 60 + 10
    assert image.getpixel((x, GAP)) == (255, 0, 0)
    assert image.getpixel((x, GAP + 39)) == (0, 0, 255)
    other = Sheet(40, 60, titles=False, bar=Bar("bwr", "all")).draw([[panel((9, 9, 9), limit=7.0)]])
    changed = np.argwhere((np.asarray(image) != np.asarray(other)).any(axis=2))
    assert changed[:, 1].min() > x  # the numbers alone


@pytest.mark.parametrize(
    ("sign", "top", "bottom"), [("positive", (255, 0, 0), (255, 255, 255)), ("negative", (255, 255, 255), (0, 0, 255))]
)
def test_the_bar_of_one_sign_ends_at_zero(sign, top, bottom):
    image = Sheet(40, 60, titles=False, bar=Bar("bwr", sign)).draw([[panel((9, 9, 9))]])
    assert image.getpixel((GAP + 70, GAP)) == top
    assert image.getpixel((GAP + 70, GAP + 39)) == bottom


@pytest.mark.parametrize("title", ["a\nb\x00\x1b[31m", "Größe 猫 🐈", "", "W" * 100_000])
def test_any_label_is_a_line_that_fits(title):
    font = ImageFont.truetype(FONT, 14, layout_engine=ImageFont.Layout.BASIC)
    line = fit_text(title, font, 100)
    assert line.isprintable()
    assert font.getlength(line) <= 100
    Sheet(40, 60, titles=True, bar=None).draw([[panel((9, 9, 9), title)]])
