import numpy as np
from captum_explainer.skeleton.remembered import Remembered


def test_the_same_rows_are_asked_about_once(segments):
    remembered, rows = Remembered(segments), np.ones((2, 1, 6, 6), dtype=np.float32)
    first, again = (remembered.ask("image", "logits", rows.copy()) for _ in range(2))
    np.testing.assert_array_equal(first.value, again.value)
    assert segments.asked == [("image", "logits", False)]


def test_other_rows_and_other_segments_are_asked_about(segments):
    remembered, rows = Remembered(segments), np.ones((2, 1, 6, 6), dtype=np.float32)
    remembered.ask("image", "logits", rows)
    values = remembered.ask("image", "logits", rows / 2).value
    np.testing.assert_array_equal(values, segments.ask("image", "logits", rows / 2).value)
    assert remembered.ask("image", "conv", rows).value.shape == (2, 2, 6, 6)


def test_gradients_are_not_remembered(segments):
    remembered, rows = Remembered(segments), np.ones((1, 1, 6, 6), dtype=np.float32)
    for cotangent in np.eye(3, dtype=np.float32)[:2, None]:
        gradient = remembered.ask("image", "logits", rows, cotangent).gradient
        np.testing.assert_array_equal(gradient, segments.ask("image", "logits", rows, cotangent).gradient)
