import warnings

import numpy as np
import pytest
from captum.attr._utils.visualization import _normalize_attr
from captum_explainer.rendering.normalization import normalize

SIGNS = ("all", "positive", "negative", "absolute_value")
ORDINARY = {
    "normal": lambda draws: draws.normal(size=(28, 28)),
    "laplace": lambda draws: draws.laplace(size=(20, 31)),
    "mostly zero": lambda draws: draws.normal(size=(28, 28)) * (draws.random((28, 28)) < 0.2),
    "tiny": lambda draws: draws.normal(size=(28, 28)) * 1e-3,
}


@pytest.mark.parametrize("perc", [0.5, 2, 10, 50])
@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("kind", ORDINARY)
def test_ordinary_attributions_have_captums_scale(kind, sign, perc):
    plane = ORDINARY[kind](np.random.default_rng(0))
    expected = _normalize_attr(plane, sign, perc)
    got = normalize(plane, sign, perc).values
    # Captum's are magnitudes for the negative sign; ours stay what they are.
    np.testing.assert_allclose(-got if sign == "negative" else got, expected, rtol=1e-12)


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("perc", [0, 2, 100])
def test_all_zero_is_neutral_without_a_warning(sign, perc):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values, limit = normalize(np.zeros((5, 4)), sign, perc)
    assert limit == 0
    np.testing.assert_array_equal(values, np.zeros((5, 4)))
    with pytest.raises(AssertionError, match="scale factor = 0"):
        _normalize_attr(np.zeros((5, 4)), sign, perc)


@pytest.mark.parametrize("sign", ["positive", "negative"])
def test_a_sign_that_no_attribution_has_is_neutral(sign):
    plane = np.full((3, 3), -1.0 if sign == "positive" else 1.0)
    assert normalize(plane, sign, 2).limit == 0


@pytest.mark.parametrize("outlier", [1e3, -1e6])
def test_one_outlier_leaves_the_rest_to_be_seen(outlier):
    plane = np.random.default_rng(1).normal(size=(28, 28))
    without = normalize(plane, "all", 2)
    plane[3, 4] = outlier
    values, limit = normalize(plane, "all", 2)
    assert values[3, 4] == np.sign(outlier)
    assert limit < 4 * without.limit
    assert np.median(np.abs(values)) > 0.05
    assert np.median(np.abs(_normalize_attr(plane, "all", 2))) < 0.001  # what is avoided


@pytest.mark.parametrize("pixels", [1, 2, 3, 10])
def test_few_pixels_among_zeros_are_not_clipped_away(pixels):
    plane = np.zeros((28, 28))
    plane.ravel()[:pixels] = np.linspace(2, 3, pixels)
    values, limit = normalize(plane, "all", 2)
    assert 2 <= limit <= 3
    assert (values.ravel()[:pixels] > 0.6).all()
    assert (values.ravel()[pixels:] == 0).all()


def test_what_rounding_left_is_not_blown_up():
    plane = np.zeros((28, 28))
    plane[0, 0], plane[1, 1] = 5.0, 5e-8
    values, limit = normalize(plane, "all", 2)
    assert limit == 5
    assert values[0, 0] == 1
    assert values[1, 1] == pytest.approx(0, abs=1e-7)


def test_nothing_is_clipped_where_no_outliers_are_allowed():
    plane = np.array([[1000.0, -1.0], [2.0, 0.0]])
    np.testing.assert_allclose(normalize(plane, "all", 0).values, plane / 1000)


def test_both_signs_are_on_one_scale():
    plane = np.random.default_rng(2).normal(size=(9, 9)) + 1
    np.testing.assert_array_equal(normalize(-plane, "all", 2).values, -normalize(plane, "all", 2).values)


@pytest.mark.parametrize("size", [1e-44, 3e38])
def test_the_ends_of_float32_are_drawn(size):
    plane = np.array([[size, -size], [size / 2, 0.0]], dtype=np.float32).astype(np.float64)
    np.testing.assert_allclose(normalize(plane, "all", 0).values, [[1, -1], [0.5, 0]], atol=0.1)


def test_what_is_not_finite_does_not_spoil_the_picture():
    values, _ = normalize(np.array([[np.inf, np.nan], [-1.0, 1.0]]), "all", 2)
    assert values[0, 0] == 1
    assert values[0, 1] == 0
