import time

import pytest
from captum_serving.sentences import cut, name_nearest, shorten


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("n_step", "'n_step' is not known; did you mean 'n_steps'? Known: n_steps, seed"),
        ("zzz", "'zzz' is not known; Known: n_steps, seed"),
        (["x"], "\"['x']\" is not known; Known: n_steps, seed"),
    ],
)
def test_the_nearest_name_is_proposed_where_one_is_near(name, sentence):
    assert name_nearest(name, ["n_steps", "seed"]) == sentence


def test_a_long_value_is_shown_shortened():
    assert shorten("a" * 58) == repr("a" * 58)
    assert shorten("a" * 59) == "'" + "a" * 56 + "..."


@pytest.mark.parametrize(
    "value",
    [{"b": 1, "a": [True, None, 0.5]}, [[1.5, "x"], {}], "it's", 10**18, list(range(40)), {"k" * 70: 1}, ["y" * 200]],
)
def test_the_beginning_is_what_repr_writes(value):
    assert shorten(value) == (repr(value) if len(repr(value)) <= 60 else repr(value)[:57] + "...")
    assert cut(value, 30) == str(value)[:30]


def nested(levels, kind):
    value = 1
    for _ in range(levels):
        value = [value] if kind is list else {"a": value}
    return value


@pytest.mark.parametrize("kind", [list, dict])
def test_a_value_of_any_depth_and_length_is_shown_at_once(kind):
    values = nested(100_000, kind), [7] * 10**7, "x" * 10**8, dict.fromkeys(range(10**6))
    started = time.perf_counter()
    for value in values:
        assert len(shorten(value)) == 60
        assert len(cut(value, 40)) == 40
        assert name_nearest(value, ["n_steps"]).endswith("is not known; Known: n_steps")
    assert time.perf_counter() - started < 1.0
