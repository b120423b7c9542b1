import matplotlib
import numpy as np
import pytest
from captum_explainer.rendering.colours import COLOUR_MAPS, DIVERGING, SEQUENTIAL, paint

GREY = 12  # how far red, green and blue of a colour without one may be apart


def painted(value, cmap="RdBu_r", sign="all"):
    return paint(np.array([[value]], dtype=np.float64), cmap, sign)[0, 0].astype(int)


def test_red_speaks_for_and_blue_against():
    red, blue = painted(1.0), painted(-1.0)
    assert red[0] > 2 * max(red[1:])
    assert blue[2] > 2 * blue[0]
    assert painted(0.5)[0] > painted(0.5)[2]
    assert painted(-0.5)[2] > painted(-0.5)[0]


@pytest.mark.parametrize("cmap", ["RdBu_r", "PuOr_r", "bwr", "seismic"])
@pytest.mark.parametrize("sign", ["all", "positive", "negative"])
def test_zero_is_nearly_white_in_a_diverging_map(cmap, sign):
    assert painted(0.0, cmap, sign).min() > 240
    assert np.ptp(painted(0.0, cmap, sign)) < GREY


@pytest.mark.parametrize("value", [0.25, 1.0])
def test_signs_are_as_far_from_neutral(value):
    """In lightness, about: nothing looks larger for being negative."""
    assert painted(value).mean() == pytest.approx(painted(-value).mean(), abs=40)


@pytest.mark.parametrize("cmap", SEQUENTIAL)
def test_a_sequential_map_begins_at_zero_of_one_sign(cmap):
    first, last = (np.rint(np.array(matplotlib.colormaps[cmap](end)[:3]) * 255) for end in (0.0, 1.0))
    for sign, most in (("positive", 1.0), ("absolute_value", 1.0), ("negative", -1.0)):
        np.testing.assert_array_equal(painted(0.0, cmap, sign), first)
        np.testing.assert_array_equal(painted(most, cmap, sign), last)


@pytest.mark.parametrize("cmap", COLOUR_MAPS)
def test_every_map_is_matplotlibs(cmap):
    values = np.linspace(-1, 1, 41)[None]
    expected = matplotlib.colormaps[cmap]((values + 1) / 2)[..., :3] * 255
    np.testing.assert_allclose(paint(values, cmap, "all"), expected, atol=4)


def test_the_signs_differ_also_for_who_does_not_see_red_or_green():
    """By Viénot, Brettel and Mollon's (1999) linear projections for protanopes and deuteranopes."""
    to_lms = np.array([[17.8824, 43.5161, 4.11935], [3.45565, 27.1554, 3.86714], [0.0299566, 0.184309, 1.46709]])
    without = {
        "protan": np.array([[0, 2.02344, -2.52581], [0, 1, 0], [0, 0, 1]]),
        "deutan": np.array([[1, 0, 0], [0.494207, 0, 1.24827], [0, 0, 1]]),
    }
    for cmap in DIVERGING[:2]:
        for projection in without.values():
            seen = [
                np.linalg.inv(to_lms) @ projection @ to_lms @ (painted(value, cmap) / 255) ** 2.2
                for value in (-0.7, 0.7)
            ]
            assert np.abs(seen[0] - seen[1]).max() > 0.25
