import pytest
from captum_explainer.catalogue.shared_parameters import NEURON, TARGET, TOP_K
from captum_explainer.parameters.parameter import Parameter, choice, flag, integer, number
from captum_serving.errors import BadInput
from captum_serving.sentences import describe_schema


@pytest.mark.parametrize(
    ("parameter", "words"),
    [
        (integer(1, ""), "a whole number of 1 or more"),
        (integer(None, ""), "a whole number of 1 or more or null"),
        (integer(1, "", minimum=2, limit="max_steps"), "a whole number of 2 to 1000"),
        (number(1, ""), "a number of 0.0 or more"),
        (flag(True, ""), "true or false"),
        (choice("a", ("a", "b"), ""), "one of 'a', 'b'"),
        (TOP_K, "a whole number of 1 or more or null"),
        (NEURON, "a whole number of 0 or more or a list, each item a whole number of 0 or more"),
        (
            TARGET,
            "a whole number of 0 or more or a string or a list, each item a whole number of 0 or more or a string"
            " or null or null",
        ),
        (Parameter({"type": "number"}), "a number"),
        (Parameter({"type": "array"}), "a list"),
        (Parameter({"type": "object"}), "an object"),
    ],
)
def test_a_schema_in_words(parameter, words, settings):
    assert describe_schema(parameter.apply_limits(settings.limits)) == words


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        (integer(1, ""), 5.0),
        (integer(1, ""), True),
        (integer(1, ""), 0),
        (integer(1, ""), None),
        (integer(1, ""), "5"),
        (number(1, ""), -0.1),
        (number(1, ""), True),
        (flag(True, ""), 1),
        (choice("a", ("a", "b"), ""), "c"),
        (TARGET, -1),
        (TARGET, 1.5),
        (TARGET, []),
        (TARGET, [[None]]),
        (NEURON, [-1]),
    ],
)
def test_what_does_not_fit_is_refused_in_words(parameter, value, settings):
    with pytest.raises(BadInput) as refusal:
        parameter.check("it", value, settings.limits)
    assert refusal.value.sentence == f"it is {value!r}; expected {describe_schema(parameter.schema)}"


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        (integer(1, ""), 1),
        (integer(None, ""), None),
        (number(1, ""), 0),
        (number(1, ""), 2.5),
        (flag(True, ""), False),
        (choice("a", ("a", "b"), ""), "b"),
        (TARGET, "7"),
        (TARGET, [0, "7", None]),
        (TARGET, None),
        (NEURON, 0),
        (NEURON, [0, 1]),
    ],
)
def test_what_fits_passes(parameter, value, settings):
    parameter.check("it", value, settings.limits)


def test_over_the_servers_limit_the_limit_is_named(settings):
    steps = integer(50, "", limit="max_steps")
    steps.check("n_steps", 1000, settings.limits)
    with pytest.raises(BadInput) as refusal:
        steps.check("n_steps", 1001, settings.limits)
    assert refusal.value.sentence == (
        "n_steps is 1001; expected a whole number of 1 to 1000 (the server's limit, --max_steps)"
    )


@pytest.mark.parametrize("value", [0, "many", True, None])
def test_for_another_mistake_the_limit_is_not_blamed(value, settings):
    with pytest.raises(BadInput) as refusal:
        integer(50, "", limit="max_steps").check("n_steps", value, settings.limits)
    assert "--max_steps" not in refusal.value.sentence
