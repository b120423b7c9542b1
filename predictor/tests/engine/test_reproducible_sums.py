import os
from pathlib import Path

import numpy as np
import pytest
import torch
from captum_predictor.engine.lanes import FEWEST_ROWS_FOR_THREADS, MOST_THREADS
from captum_predictor.engine.run import run, run_with_gradient
from captum_predictor.model.directory import load_model
from captum_serving.process.reproducible_sums import VARIABLE, reproduce_matrix_products

MODELS = Path(__file__).parents[3] / "models"


@pytest.fixture(scope="module", params=["fashion-mnist", "mnist"])
def model(request):
    return load_model(MODELS / request.param)


@pytest.fixture
def on_threads():
    """Runs something on so many of torch's threads."""
    before = torch.get_num_threads()

    def on(threads, work):
        torch.set_num_threads(threads)
        return work()

    yield on
    torch.set_num_threads(before)


@pytest.mark.parametrize("rows", [FEWEST_ROWS_FOR_THREADS, 16, 25])
def test_the_number_of_threads_changes_no_bit(model, rows, on_threads):
    segment = model.find_segment(model.input_name, None)
    generator = torch.Generator().manual_seed(rows)
    source = torch.rand((rows, *model.input_shape), generator=generator)
    cotangent = torch.randn((rows, len(model.description.labels)), generator=generator)

    def value_and_gradient():
        values = []
        gradient = run_with_gradient(segment, segment, source, {}, lambda found: values.append(found) or cotangent)
        return values[0][segment.sink.name].detach(), gradient

    value = on_threads(1, lambda: value_of(segment, source))
    _, gradient = on_threads(1, value_and_gradient)
    for threads in range(2, MOST_THREADS + 1):
        np.testing.assert_array_equal(on_threads(threads, lambda: value_of(segment, source)), value)
        again = on_threads(threads, value_and_gradient)
        np.testing.assert_array_equal(again[0], value)
        np.testing.assert_array_equal(again[1], gradient)


def value_of(segment, source):
    return run(segment, source, {})[segment.sink.name]


def test_what_else_is_in_a_chunk_changes_no_bit_of_a_row(model):
    segment = model.find_segment(model.input_name, None)
    source = torch.rand((50, *model.input_shape), generator=torch.Generator().manual_seed(0))
    whole = value_of(segment, source)
    for begin, end in ((0, 25), (25, 50), (3, 20), (7, 19)):
        np.testing.assert_array_equal(value_of(segment, source[begin:end]), whole[begin:end])


def test_a_users_own_choice_is_left_alone(monkeypatch):
    monkeypatch.setenv(VARIABLE, "COMPATIBLE")
    reproduce_matrix_products()
    assert os.environ[VARIABLE] == "COMPATIBLE"
