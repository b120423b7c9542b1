import numpy as np
import pytest
from captum_explainer.rendering.colours import paint
from captum_explainer.rendering.text_html.shades import choose_shades, write_gradient

# Machado, Oliveira and Fernandes 2009, severity 1, of linear RGB.
PROTANOPIA = [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
DEUTERANOPIA = [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
TRITANOPIA = [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


def linear(colour):
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    shares = np.array([int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)])
    return np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    low, high = sorted(linear(colour) @ LUMINANCE for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def test_the_letters_on_every_colour_have_the_contrast_that_wcag_asks_of_text():
    shades, _ = choose_shades(np.linspace(-1, 1, 1001).tolist())
    assert len({shade.background for shade in shades}) > 200
    assert min(contrast(shade.background, shade.ink) for shade in shades) >= 4.5


def test_the_colours_are_those_of_the_pictures():
    importances = [0.5, -2.0, 0.0, 1.0]
    shades, limit = choose_shades(importances)
    assert limit == 2.0
    painted = paint(np.array([importances]) / 2, "RdBu_r", "all")[0]
    assert [shade.background for shade in shades] == [f"#{bytes(colour).hex()}" for colour in painted]
    assert write_gradient().count("#") == 17
    assert shades[1].background in write_gradient()


@pytest.mark.parametrize("matrix", [PROTANOPIA, DEUTERANOPIA, TRITANOPIA])
@pytest.mark.parametrize("importance", [0.3, 0.6, 1.0])
def test_colour_blind_people_can_tell_for_from_against(matrix, importance):
    (fore, against, _), _ = choose_shades([importance, -importance, 1.0])
    seen = [np.clip(np.array(matrix) @ linear(shade.background), 0, 1) for shade in (fore, against)]
    assert lab_distance(*seen) > 20


def lab_distance(one, other):
    """CIE 1976; 2.3 is what can just be noticed."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    white = to_xyz @ np.ones(3)

    def lab(rgb):
        shares = to_xyz @ rgb / white
        f = np.where(shares > (6 / 29) ** 3, np.cbrt(shares), shares / (3 * (6 / 29) ** 2) + 4 / 29)
        return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])

    return float(np.linalg.norm(lab(one) - lab(other)))


def test_nothing_that_counts_is_neutral():
    shades, limit = choose_shades([0.0, 0.0])
    assert limit == 0
    assert {(shade.background, shade.ink) for shade in shades} == {("#f7f7f7", "#000")}
    assert choose_shades([]) == ([], 0.0)
