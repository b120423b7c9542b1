import numpy as np
import pytest
from captum_explainer.skeleton.answer_book import Foreseen, Known

ROWS = np.random.default_rng(0).random((2, 1, 6, 6), np.float32)
COTANGENT = np.eye(3, dtype=np.float32)[:2]


@pytest.fixture
def known(segments):
    value, gradient = segments.ask("image", "logits", ROWS, COTANGENT)
    segments.asked.clear()
    return Known("image", "logits", ROWS, value, COTANGENT, gradient)


def test_what_is_known_is_not_asked_for(segments, known):
    foreseen = Foreseen(segments, [known], "image", None)
    assert foreseen.ask("image", "logits", ROWS.copy()) == (known.value, None)
    assert foreseen.ask("image", "logits", ROWS, COTANGENT.copy()) == (known.value, known.gradient)
    assert segments.asked == []


@pytest.mark.parametrize(
    ("rows", "cotangent", "sink"),
    [
        (np.nextafter(ROWS, 1), None, "logits"),
        (ROWS[:1], None, "logits"),
        (ROWS, np.nextafter(COTANGENT, 1), "logits"),
        (ROWS, None, "flat"),
    ],
)
def test_another_question_is_asked(rows, cotangent, sink, segments, known):
    answer = Foreseen(segments, [known], "image", None).ask("image", sink, rows, cotangent)
    assert segments.asked == [("image", sink, cotangent is not None)]
    expected = segments.ask("image", sink, rows, cotangent)
    np.testing.assert_array_equal(answer.value, expected.value)
    if cotangent is not None:
        np.testing.assert_array_equal(answer.gradient, expected.gradient)


def test_a_value_without_a_gradient_answers_no_cotangent(segments, known):
    value_alone = known._replace(cotangent=None, gradient=None)
    assert Foreseen(segments, [value_alone], "image", None).ask("image", "logits", ROWS, COTANGENT).gradient is not None
    assert segments.asked == [("image", "logits", True)]


def test_a_pass_is_looked_ahead_once_where_it_begins_and_its_rows_are_new(segments, known):
    seen = []

    def look_ahead(rows):
        seen.append(rows)
        return [known._replace(rows=rows), Known("conv", "logits", rows, known.value)]

    foreseen = Foreseen(segments, [], "image", look_ahead)
    for _ in range(2):
        foreseen.ask("image", "logits", ROWS)
        foreseen.ask("conv", "logits", ROWS)
    assert len(seen) == 1
    foreseen.ask("image", "logits", ROWS / 2)
    assert len(seen) == 2
    assert segments.asked == []
    foreseen.ask("conv", "logits", np.ones((1, 2, 6, 6), np.float32))
    foreseen.ask("image", "logits", ROWS, COTANGENT / 2)
    assert (len(seen), segments.asked) == (2, [("conv", "logits", False), ("image", "logits", True)])


def test_where_one_call_cannot_tell_the_pass_each_segment_is_asked(segments, known):
    foreseen = Foreseen(segments, [], "image", lambda rows: [])
    np.testing.assert_array_equal(foreseen.ask("image", "logits", ROWS).value, known.value)
    assert segments.asked == [("image", "logits", False)]
