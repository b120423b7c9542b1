import numpy as np
from captum_explainer.attribution.expected_cotangents import expect_neuron, expect_targets


def test_each_row_has_its_targets_one_hot():
    assert expect_targets([2, 0], 3)(2).tolist() == [[0, 0, 1], [1, 0, 0]]


def test_a_batch_is_repeated_as_captum_repeats_it():
    assert expect_targets([2, 0], 3)(4).tolist() == [[0, 0, 1], [1, 0, 0]] * 2


def test_of_rows_that_are_no_multiple_of_the_instances_nothing_is_expected():
    assert expect_targets([2, 0], 3)(3) is None


def test_of_an_output_of_unknown_width_nothing_is_expected():
    assert expect_targets([2, 0], None) is None


def test_a_neuron_is_the_same_in_every_row():
    cotangent = expect_neuron((1, 0, 2), (2, 3, 3))(2)
    assert cotangent.dtype == np.float32
    assert cotangent.shape == (2, 2, 3, 3)
    assert np.argwhere(cotangent).tolist() == [[0, 1, 0, 2], [1, 1, 0, 2]]
    assert cotangent.sum() == 2
