"""What is in a mask, beside the lime package's own way from coefficients to masks."""

import numpy as np
import pytest
from captum_explainer.formats.aix.masks import make_image_and_mask
from captum_explainer.settings import AixDefaults
from lime.lime_image import ImageExplanation

GENERATOR = np.random.default_rng(6)
SEGMENTS = np.arange(14 * 12).reshape(14, 12) // 8  # 21 of them
PICTURE = GENERATOR.random((14, 12, 3)).astype(np.float32) - np.float32(0.5)
BOTH_SIGNS = AixDefaults(positive_only=False, min_weight=0.0)


def of_lime(weights, rule):
    """As KServe's AIX explainer asks the package for it."""
    explanation = ImageExplanation(PICTURE, SEGMENTS)
    explanation.local_exp[0] = sorted(enumerate(weights), key=lambda pair: abs(pair[1]), reverse=True)
    return explanation.get_image_and_mask(
        0, positive_only=rule.positive_only, num_features=10, hide_rest=False, min_weight=rule.min_weight
    )


@pytest.mark.parametrize("positive_only", [True, False])
@pytest.mark.parametrize("min_weight", [0.0, 0.01, 0.5, -1.0])
@pytest.mark.parametrize("shift", [0.0, 0.6, -0.6])
def test_it_is_the_lime_packages(positive_only, min_weight, shift):
    weights = (GENERATOR.normal(size=21) + shift).astype(np.float32)
    rule = AixDefaults(positive_only=positive_only, min_weight=min_weight)
    temp, mask = make_image_and_mask(PICTURE, SEGMENTS, weights, rule)
    expected_temp, expected_mask = of_lime(weights, rule)
    np.testing.assert_array_equal(mask, expected_mask)
    np.testing.assert_array_equal(temp, expected_temp)


def test_the_ten_strongest_are_chosen_before_their_sign_is_seen_only_where_both_signs_are_shown():
    weights = np.linspace(-1.0, 0.3, 21, dtype=np.float32)
    _, positive = make_image_and_mask(PICTURE, SEGMENTS, weights, AixDefaults(positive_only=True, min_weight=0.01))
    _, both = make_image_and_mask(PICTURE, SEGMENTS, weights, AixDefaults(positive_only=False, min_weight=0.01))
    assert len(np.unique(SEGMENTS[positive == 1])) == 5
    assert set(np.unique(both)) == {-1, 0}


def test_a_segment_that_says_nothing_is_in_no_mask():
    _, mask = make_image_and_mask(PICTURE, SEGMENTS, np.zeros(21, dtype=np.float32), BOTH_SIGNS)
    assert not mask.any()


def test_the_picture_that_was_sent_is_left_as_it_was():
    picture = GENERATOR.random((14, 12, 3)).astype(np.float32)
    before = picture.copy()
    painted, _ = make_image_and_mask(picture, SEGMENTS, np.ones(21, dtype=np.float32), BOTH_SIGNS)
    np.testing.assert_array_equal(picture, before)
    assert (painted != before).any()
