import pytest
from captum_serving.sentences import name_nearest, shorten


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
