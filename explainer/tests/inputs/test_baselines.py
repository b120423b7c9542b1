import numpy as np
import pytest
import torch
from captum_explainer.inputs.baselines import RANDOM_BASELINES, resolve_baselines
from captum_serving.errors import BadInput
from scipy.ndimage import gaussian_filter

INPUTS = torch.rand(2, 3, 8, 6, generator=torch.Generator().manual_seed(3))


def resolved(value, kind="one", inputs=INPUTS, value_range=(-1.0, 3.0), seed=0, most=10):
    return resolve_baselines(value, inputs, kind, value_range, seed, most)


@pytest.mark.parametrize(("value", "number"), [("zeros", 0.0), ("ones", 1.0), (0.25, 0.25), (2, 2.0)])
def test_numbers_and_names_of_numbers_fill_an_instance(value, number):
    for baselines in resolved(value):
        assert baselines.dtype == torch.float32
        assert torch.equal(baselines, torch.full((1, 3, 8, 6), number))


def test_mean_is_of_the_instance_itself():
    for baselines, instance in zip(resolved("mean"), INPUTS, strict=True):
        np.testing.assert_allclose(baselines, np.full((1, 3, 8, 6), instance.numpy().mean()), rtol=1e-6)


@pytest.mark.parametrize("axis", [0, 2])
def test_blur_keeps_the_channels_apart(axis):
    inputs = torch.movedim(INPUTS, 1, axis + 1)
    for baselines, instance in zip(resolved("blur", inputs=inputs), INPUTS, strict=True):
        blurred = np.stack([gaussian_filter(plane.numpy(), 0.15 * 8) for plane in instance])
        np.testing.assert_allclose(torch.movedim(baselines[0], axis, 0), blurred, rtol=1e-5)


def test_blur_wants_a_picture():
    with pytest.raises(BadInput, match=r"'blur' and the instance's shape \[4\] is not a picture's"):
        resolved("blur", inputs=torch.rand(1, 4))


def test_random_draws_from_the_declared_range_and_leaves_the_process_generators_alone():
    before = torch.get_rng_state()
    (first, second) = resolved("random", "several", seed=5)
    assert torch.equal(before, torch.get_rng_state())
    assert first.shape == (RANDOM_BASELINES, 3, 8, 6)
    assert torch.equal(first, second)  # the seed alone decides, so that a batch is its instances
    assert first.min() < -0.5
    assert first.min() >= -1.0
    assert first.max() > 2.5
    assert first.max() <= 3.0


def test_random_depends_on_the_seed_and_on_nothing_else():
    assert torch.equal(resolved("random", seed=5)[0], resolved("random", seed=5)[0])
    assert not torch.equal(resolved("random", seed=5)[0], resolved("random", seed=6)[0])
    assert resolved("random")[0].shape == (1, 3, 8, 6)


def test_random_without_a_declared_range_takes_the_instances_own():
    (baselines,) = resolved("random", inputs=torch.tensor([[10.0, 12.0]]), value_range=None)
    assert baselines.min() >= 10.0
    assert baselines.max() <= 12.0


def test_a_method_without_baselines_is_given_zeros():
    assert [b.shape for b in resolved("ones", "none")] == [(1, 3, 8, 6)] * 2
    assert not any(b.any() for b in resolved("ones", "none"))


def test_an_array_of_an_instances_shape_is_every_instances():
    array = INPUTS[1] / 2
    for baselines in resolved(array.tolist()):
        assert torch.equal(baselines, array[None])


def test_an_array_of_the_batchs_shape_has_one_an_instance():
    array = INPUTS / 2
    for baselines, expected in zip(resolved(array.tolist()), array, strict=True):
        assert torch.equal(baselines, expected[None])


def test_the_shap_family_takes_several_for_every_instance_alike():
    array = torch.rand(5, 3, 8, 6)
    for baselines in resolved(array.tolist(), "several"):
        assert torch.equal(baselines, array)


def test_more_than_the_limit_are_refused():
    assert len(resolved(torch.rand(10, 3, 8, 6).tolist(), "several")[0]) == 10
    with pytest.raises(BadInput, match=r"11 baselines; expected at most 10 \(the server's limit, --max_samples\)"):
        resolved(torch.rand(11, 3, 8, 6).tolist(), "several")


def test_a_grey_array_may_leave_out_the_channel():
    plane = torch.rand(8, 6)
    (baselines,) = resolved(plane.tolist(), inputs=torch.rand(1, 1, 8, 6))
    assert torch.equal(baselines, plane[None, None])


@pytest.mark.parametrize(
    ("value", "kind", "sentence"),
    [
        ([[1, 2], [3, 4]], "one", r"baselines have the shape \[2, 2\]; expected \[3, 8, 6\] or \[2, 3, 8, 6\]"),
        (torch.rand(5, 3, 8, 6).tolist(), "one", r"the shape \[5, 3, 8, 6\]; expected"),
        ([[1], [2, 3]], "one", "baselines: rows of different length"),
        (["a"], "one", "baselines: holds something that is not a number"),
        ([[]], "several", r"the shape \[1, 0\]; expected \[3, 8, 6\] or \[baselines, 3, 8, 6\]"),
        (1e39, "one", r"baselines is 1e\+39; expected a number that fits float32"),
    ],
)
def test_what_fits_nothing_is_refused(value, kind, sentence):
    with pytest.raises(BadInput, match=sentence):
        resolved(value, kind)


@pytest.mark.filterwarnings("ignore:overflow encountered in cast:RuntimeWarning")
def test_numbers_that_float32_cannot_hold_are_refused():
    array = np.zeros((3, 8, 6))
    array[0, 0, 0] = 1e39
    with pytest.raises(BadInput, match="NaN or infinity"):
        resolved(array.tolist())
