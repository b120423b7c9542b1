import torch
from captum_explainer.attribution.foresight import neuron_cotangent, target_cotangent


def test_each_row_has_its_targets_one_hot():
    assert target_cotangent([2, 0], 3)(2).tolist() == [[0, 0, 1], [1, 0, 0]]


def test_a_batch_is_repeated_as_captum_repeats_it():
    assert target_cotangent([2, 0], 3)(4).tolist() == [[0, 0, 1], [1, 0, 0]] * 2


def test_of_rows_that_are_no_multiple_of_the_instances_nothing_is_foreseen():
    assert target_cotangent([2, 0], 3)(3) is None


def test_of_an_output_of_unknown_width_nothing_is_foreseen():
    assert target_cotangent([2, 0], None) is None


def test_a_neuron_is_the_same_in_every_row():
    cotangent = neuron_cotangent([1, 0, 2], (2, 3, 3))(2)
    assert cotangent.dtype == torch.float32
    assert cotangent.shape == (2, 2, 3, 3)
    assert cotangent.nonzero().tolist() == [[0, 1, 0, 2], [1, 1, 0, 2]]
    assert cotangent.sum() == 2
