import pytest
from captum_explainer.parameters.row_limits import UNDIVIDED_CALLS, find_most_rows, limit_passes
from captum_explainer.settings import Limits
from captum_serving.errors import BadInput

LIMITS = Limits(max_call_bytes=4000)


@pytest.mark.parametrize(
    ("shape", "layer", "rows"),
    [((10, 10), (), 10), ((10, 10), (800,), 10), ((10, 10), (801,), 9), ((10, 10), (10**6,), 1), ((10**6,), (), 1)],
)
def test_a_pass_has_the_rows_of_a_call_and_fewer_at_a_wide_layer(shape, layer, rows):
    assert find_most_rows(shape, layer, LIMITS.max_call_bytes) == rows


@pytest.mark.parametrize(("shape", "layer"), [((1, 10, 10), ()), ((2, 2), (100,))])
def test_samples_that_are_one_pass_are_limited_by_what_they_hold(shape, layer):
    most = UNDIVIDED_CALLS * 4000 // 400
    limit_passes({"n_samples": most}, 1, shape, layer, LIMITS)
    with pytest.raises(BadInput, match=f"n_samples is {most + 1}; expected at most {most} of this size"):
        limit_passes({"n_samples": most + 1}, 1, shape, layer, LIMITS)


def test_one_sample_is_always_possible():
    limit_passes({"n_samples": 1}, 1, (10**6,), (), LIMITS)


def test_samples_that_are_divided_into_passes_are_not_limited():
    values = {"n_samples": 10**6, "perturbations_per_eval": 50}
    limit_passes(values, 1, (10, 10), (), LIMITS)
    assert values == {"n_samples": 10**6, "perturbations_per_eval": 10}
