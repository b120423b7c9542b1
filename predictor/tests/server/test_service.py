import asyncio

import numpy as np
import pytest
import torch
from captum_predictor.engine.engine import Engine
from captum_predictor.engine.lanes import Lanes
from captum_predictor.kinds.tensor import TensorKind
from captum_predictor.protocol.inference import Limits
from captum_predictor.server.service import Service
from captum_serving.protocol.wire import Message
from torch import nn

ROWS = np.random.default_rng(1).normal(0, 3, (33, 1, 2, 2)).astype(np.float32)


@pytest.fixture
def service(served_as):
    lanes = Lanes(2, 1000, 2)
    torch.manual_seed(0)  # of some weights four rows have one class
    logits = nn.Linear(30, 9, bias=False)
    nn.init.normal_(logits.weight)  # as it comes, one class would be the largest everywhere
    model = served_as((1, 2, 2), flatten=nn.Flatten(), hidden=nn.Linear(4, 30), relu=nn.ReLU(), logits=logits)
    yield Service("tiny", TensorKind(model), Engine(lanes, "cpu"), Limits(rows=100, answer_bytes=10**6))
    lanes.stop()


def answer(service, parameters=None, **tensors):
    return asyncio.run(service.answer(Message({"parameters": parameters or {}}, tensors)))[1]


@pytest.mark.parametrize(("predicted", "first"), [(1, 1), (1, 3), (4, 5), (3, 20)])
def test_the_predicted_classs_gradient_has_the_bits_of_two_requests(service, predicted, first):
    of_predicted = {"explanation": True, "predicted_rows": predicted, "gradient_from": first}
    both = answer(service, of_predicted, image=ROWS)
    scores = answer(service, {"explanation": True}, image=ROWS[:first])["logits"]
    targets = [scores[(i - first) % predicted].argmax() for i in range(first, len(ROWS))]
    assert len(set(targets)) > 1 or predicted == 1
    alone = answer(service, {"explanation": True}, image=ROWS[first:], cotangent=np.eye(9, dtype=np.float32)[targets])
    np.testing.assert_array_equal(both["logits"], np.concatenate([scores, alone["logits"]]))
    np.testing.assert_array_equal(both["gradient"], alone["gradient"])
    assert np.abs(alone["gradient"]).max() > 0
