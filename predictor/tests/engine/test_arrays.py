"""Finite numbers are told from others, however large they are."""

import numpy as np
import pytest
from captum_predictor.engine.arrays import is_finite

LARGEST = np.finfo(np.float32).max


@pytest.mark.parametrize("shape", [(), (0, 3), (1,), (25, 1, 28, 28), (3, 5, 7, 11)])
def test_numbers_are_finite_whose_sum_is_not(shape):
    for number in (LARGEST, -LARGEST, np.finfo(np.float32).smallest_subnormal):
        assert is_finite(np.full(shape, number, np.float32))


@pytest.mark.parametrize("broken", [np.nan, -np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", [0, 784, -1])
def test_a_single_number_that_is_not_finite_is_found(broken, where):
    numbers = np.full(25 * 784, -LARGEST, np.float32)
    numbers[where] = broken
    assert not is_finite(numbers)
    assert not is_finite(numbers.reshape(25, 28, 28, 1).transpose(0, 3, 1, 2))


def test_infinities_of_both_signs_are_found_without_a_warning():
    assert not is_finite(np.array([np.inf, 1, -np.inf], np.float32))


def test_read_only_bytes_that_are_not_aligned_are_read():
    numbers = np.frombuffer(b"." + np.full(1000, LARGEST, np.float32).tobytes(), np.float32, offset=1)
    assert is_finite(numbers)
