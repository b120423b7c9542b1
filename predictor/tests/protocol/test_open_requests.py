"""What a request without the key may ask: no refusal names a part of the model that it does not know already."""

import numpy as np
import pytest
from captum_predictor.kinds.tensor import TensorKind
from captum_predictor.protocol.inference import Limits, Reader
from captum_serving.errors import Forbidden, ServingError
from captum_serving.protocol.wire import Message
from torch import nn

ROWS = np.full((2, 1, 2, 2), 0.5, np.float32)
HIDDEN = np.ones((2, 3), np.float32)
COTANGENT = np.eye(2, dtype=np.float32)
STEPS = np.ones(3, np.float32)
INNER = ("flatten", "hidden", "relu")


@pytest.fixture
def reader(served_as):
    model = served_as((1, 2, 2), flatten=nn.Flatten(), hidden=nn.Linear(4, 3), relu=nn.ReLU(), logits=nn.Linear(3, 2))
    return Reader(TensorKind(model), Limits(rows=10, answer_bytes=200))


def request(parameters=None, outputs=None, **tensors):
    document = {"parameters": parameters or {}}
    return Message(document if outputs is None else {**document, "outputs": outputs}, tensors)


OPEN = [
    request(image=ROWS),
    request({"sink": "logits"}, image=ROWS),
    request({"explanation": True}, [{"name": "logits", "parameters": {"binary_data": True}}], image=ROWS),
    request(None, [], image=ROWS),
]
# Each is one that the extension answers.
CLOSED = [
    request(image=ROWS, cotangent=COTANGENT),
    request(hidden=HIDDEN),
    request(hidden=HIDDEN, cotangent=COTANGENT),
    request({"sink": "hidden"}, image=ROWS),
    request(None, [{"name": "relu"}], image=ROWS),
    request(None, [{"name": "logits"}, {"name": "relu"}], image=ROWS),
    request({"predicted_rows": 2, "gradient_from": 0}, image=ROWS),
    request({"predicted_rows": 2, "gradient_from": 0, "gradient_source": "relu"}, image=ROWS),
    request(image=ROWS, cotangent=COTANGENT, path_start=ROWS, path_nodes=STEPS, path_weights=STEPS),
]
# Each is refused with the key too, in a sentence that names the stages.
WRONG = [
    request(),
    request(imge=ROWS),
    request(image=ROWS, other=ROWS),
    request(image=ROWS, path_start=ROWS),
    request({"sink": "conv9"}, image=ROWS),
    request({"sink": 7}, image=ROWS),
    request({"sink": ["logits"]}, image=ROWS),
    request(None, [{"name": "gradient"}], image=ROWS),
    request(None, [{"name": "logits"}, {"name": "logits"}], image=ROWS),
    request(None, ["logits"], image=ROWS),
    request(None, [{"name": 3}], image=ROWS),
    request({"gradient_source": "hidden"}, image=ROWS),
    request({"predicted_rows": None}, image=ROWS),
]


@pytest.mark.parametrize("message", OPEN)
def test_predictions_are_for_all(reader, message):
    query = reader.read(message, trusted=False).query
    assert (query.cotangents, query.segment.sink.name) == (None, "logits")


@pytest.mark.parametrize("message", CLOSED)
def test_the_extension_is_for_those_with_the_key(reader, message):
    assert reader.read(message).query
    with pytest.raises(Forbidden, match=r"anything else needs the extension's key, in the header x-captum-extension-"):
        reader.read(message, trusted=False)


@pytest.mark.parametrize("message", [*CLOSED, *WRONG, request("3", image=ROWS), request(None, "relu", image=ROWS)])
def test_no_refusal_names_a_stage_that_the_request_does_not_name(reader, message):
    asked = f"{message.document} {list(message.tensors)}"
    with pytest.raises(ServingError) as raised:
        reader.read(message, trusted=False)
    assert not [name for name in INNER if name in raised.value.sentence and name not in asked]
