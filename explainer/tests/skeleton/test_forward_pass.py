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
    return ForwardPass.find(cut(description, Cuts(**cuts)))


@pytest.mark.parametrize(
    ("cuts", "remote"),
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
def test_all_that_remote_pieces_take_and_give_follows_from_their_values(cuts, remote, description, values):
    forward = through(description, **cuts)
    assert forward.sinks == tuple(sink for _, sink in remote)
    assert (forward.last.sources, forward.last.sinks) == tuple((name,) for name in remote[-1])
    complete = forward.complete({"image": ROWS, **{name: values[name] for name in forward.sinks}})
    for name in {name for ends in remote for name in ends}:
        np.testing.assert_array_equal(complete[name], ROWS if name == "image" else values[name], strict=True)
        assert complete[name].flags.c_contiguous


def test_a_pass_through_nonlinearities_alone_asks_nothing(description):
    alone = dataclasses.replace(description, stages=description.stages[1:2])
    assert ForwardPass.find(cut(alone, Cuts(nonlinearities=True))) is None


def test_what_may_have_other_bits_here_is_asked_for_too(description, values):
    stages = tuple(
        Stage(name="relu", kind="tanh", shape=stage.shape) if stage.name == "relu" else stage
        for stage in description.stages
    )
    forward = through(dataclasses.replace(description, stages=stages), nonlinearities=True)
    assert forward.sinks == ("conv", "relu", "logits")
    complete = forward.complete({"image": ROWS, **{name: values[name] for name in forward.sinks}})
    assert complete["relu"] is values["relu"]
    np.testing.assert_array_equal(complete["pool"], values["pool"], strict=True)
