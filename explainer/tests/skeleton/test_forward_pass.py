import dataclasses

import numpy as np
import pytest
import torch
from captum_explainer.predictor_client.description import Stage
from captum_explainer.skeleton.cuts import Cuts, cut
from captum_explainer.skeleton.forward_pass import ForwardPass

ROWS = np.random.default_rng(0).standard_normal((2, 1, 6, 6)).astype(np.float32)


@pytest.fixture
def values(stages):
    """Every stage's value for the rows."""
    value, found = torch.from_numpy(ROWS), {}
    for name, module in stages.items():
        value = module(value)
        found[name] = value.numpy()
    return found


def through(description, **cuts):
    return ForwardPass.through(cut(description, Cuts(**cuts)))


@pytest.mark.parametrize(
    ("cuts", "segments"),
    [
        ({}, [("image", "logits")]),
        ({"layer": "relu"}, [("image", "relu"), ("relu", "logits")]),
        ({"layer": "conv", "to_layer": True}, [("image", "conv")]),
        ({"nonlinearities": True}, [("image", "conv"), ("pool", "logits")]),
        ({"nonlinearities": True, "layer": "relu", "to_layer": True}, [("image", "conv")]),
        ({"relevance": True}, [("image", "conv"), ("pool", "flat"), ("flat", "logits")]),
    ],
    ids=str,
)
def test_the_remote_pieces_rows_follow_from_their_values(cuts, segments, description, values):
    forward = through(description, **cuts)
    assert forward.stages == [sink for _, sink in segments]
    known = forward.known(ROWS, {name: values[name] for name in forward.stages})
    assert [(one.source, one.sink) for one in known] == segments
    for one in known:
        np.testing.assert_array_equal(one.rows, ROWS if one.source == "image" else values[one.source])
        np.testing.assert_array_equal(one.value, values[one.sink])
        assert one.rows.flags.c_contiguous


def test_of_nonlinearities_alone_there_is_nothing_to_foresee(description):
    alone = dataclasses.replace(description, stages=description.stages[1:2])
    assert ForwardPass.through(cut(alone, Cuts(nonlinearities=True))) is None


def test_the_gradient_is_the_last_ones(description, values):
    first, last = through(description, nonlinearities=True).known(ROWS, values, np.ones((2, 3)), ROWS)
    assert (first.cotangent, first.gradient) == (None, None)
    assert last.gradient is ROWS


def test_what_may_have_other_bits_here_is_asked_for_too(description, values):
    stages = tuple(
        Stage("relu", "tanh", stage.shape, {}) if stage.name == "relu" else stage for stage in description.stages
    )
    forward = through(dataclasses.replace(description, stages=stages), nonlinearities=True)
    assert forward.stages == ["conv", "relu", "logits"]
    _, last = forward.known(ROWS, {name: values[name] for name in forward.stages})
    np.testing.assert_array_equal(last.rows, values["pool"])
