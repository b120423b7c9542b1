"""Which answers count as equal, and how a difference is shown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tools.answer_differences import Answer, find_difference

JSON = {"content-type": "application/json"}


def answer(document: Any, status: int = 200, **headers: str) -> Answer:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Answer(status, {**JSON, **headers}, body)


def test_equal_answers_differ_in_nothing_but_their_dates() -> None:
    assert find_difference(answer({"a": 1}, date="Monday"), answer({"a": 1}, date="Tuesday")) is None


@pytest.mark.parametrize(
    ("here", "other", "text"),
    [
        ({"a": [0, [1.5, 2.5]]}, {"a": [0, [1.5, 2.25]]}, "a[1][1]: 2.5\n2.25 in the other"),
        ({"a": {"b": 1}}, {"a": {"b": 1.0}}, "a.b: 1\n1.0 in the other"),
        ({"a": {"b": 1}}, {"a": {"b": True}}, "a.b: 1\nTrue in the other"),
        ({"a": 0.0}, {"a": -0.0}, "a: 0.0\n-0.0 in the other"),
        ({"a": {}}, {"a": {"b": 1}}, "a has the keys []\n['b'] in the other"),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, "the document has the keys ['a', 'b']\n['b', 'a'] in the other"),
        ({"a": [1]}, {"a": [1, 2]}, "a: [1]\n[1, 2] in the other"),
        (b'{"a": 1}', b'{"a":1}', "byte 5 (8 bytes, 7 in the other): b'{\"a\": 1}'\nb'{\"a\":1}' in the other"),
        (b"\x89PNG\x00", b"\x89PNG", "byte 4 (5 bytes, 4 in the other): b'\\x89PNG\\x00'\nb'\\x89PNG' in the other"),
    ],
)
def test_the_first_place_that_differs_is_shown(here: Any, other: Any, text: str) -> None:
    found = find_difference(answer(here), answer(other))
    assert found is not None
    assert (found.text, found.only_sentence) == (text, False)


def test_another_status_is_a_difference_and_shows_both_bodies() -> None:
    found = find_difference(answer({"a": 1}), answer({"error": "no"}, 400))
    assert found is not None
    assert not found.only_sentence
    assert found.text == 'status: 200, b\'{"a": 1}\'\n400, b\'{"error": "no"}\' in the other'


def test_another_header_is_a_difference() -> None:
    found = find_difference(answer({}), Answer(200, {"content-type": "text/html"}, b"{}"))
    assert found is not None
    assert found.text == "header content-type: 'application/json', 'text/html' in the other"


def test_another_sentence_of_an_error_is_told_apart() -> None:
    found = find_difference(answer({"error": "a is 1"}, 400), answer({"error": "a is one"}, 400))
    assert found is not None
    assert (found.text, found.only_sentence) == ("400: a is 1\n400: a is one in the other", True)


@pytest.mark.parametrize(
    ("here", "other", "status"),
    [
        ({"error": "a"}, {"error": "b"}, 200),  # of a good answer nothing is a sentence
        ({"error": "a"}, {"detail": "b"}, 400),
        ({"error": "a"}, {"error": "a", "more": 1}, 400),
        (b"no JSON", {"error": "a"}, 500),
    ],
)
def test_what_is_no_errors_sentence_may_not_differ(here: Any, other: Any, status: int) -> None:
    found = find_difference(answer(here, status), answer(other, status))
    assert found is not None
    assert not found.only_sentence


def test_long_values_are_cut() -> None:
    found = find_difference(answer({"a": "x" * 5000}), answer({"a": "y"}))
    assert found is not None
    assert len(found.text) < 300
