import numpy as np
import pytest
from captum_predictor.engine.lanes import Priority
from captum_predictor.kinds.tensor import TensorKind
from captum_predictor.protocol.inference import Limits, Reader
from captum_serving.errors import BadInput, TooLarge
from captum_serving.protocol.wire import Message
from torch import nn


@pytest.fixture
def model(served_as):
    return served_as((1, 2, 2), flatten=nn.Flatten(), hidden=nn.Linear(4, 3), relu=nn.ReLU(), logits=nn.Linear(3, 2))


@pytest.fixture
def reader(model):
    return Reader(TensorKind(model), Limits(rows=10, answer_bytes=200))


def message(parameters=None, outputs=None, **tensors):
    document = {"parameters": parameters} if parameters is not None else {}
    if outputs is not None:
        document["outputs"] = outputs
    return Message(document, tensors)


def image(rows=2, value=0.5, dtype=np.float32):
    return np.full((rows, 1, 2, 2), value, dtype)


def test_a_plain_request_asks_for_the_last_stage(reader):
    request = reader.read(message(image=image()))
    assert [stage.name for stage in request.query.segment.stages] == ["flatten", "hidden", "relu", "logits"]
    assert request.outputs == {"logits": False}
    assert request.query.priority is Priority.PREDICTION
    assert request.query.cotangents is None


def test_a_cotangent_asks_for_the_gradient_too(reader):
    request = reader.read(message({"sink": "relu"}, hidden=np.ones((2, 3)), cotangent=np.ones((2, 3))))
    assert request.query.segment.source == "hidden"
    assert request.query.segment.sink.name == "relu"
    assert request.outputs == {"relu": False, "gradient": False}


@pytest.mark.parametrize("sink", ["flatten", "hidden", "relu", "logits"])
def test_the_input_reaches_every_sink(reader, sink):
    assert reader.read(message({"sink": sink}, image=image())).query.segment.sink.name == sink


def test_an_explanation_goes_second(reader):
    assert reader.read(message({"explanation": True}, image=image())).query.priority is Priority.EXPLANATION
    assert reader.read(message({"explanation": False}, image=image())).query.priority is Priority.PREDICTION


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float16, np.float64, np.bool_])
def test_other_datatypes_are_converted(reader, dtype):
    request = reader.read(message(image=image(value=1, dtype=dtype)))
    assert request.query.source.dtype == np.float32
    np.testing.assert_array_equal(request.query.source, image(value=1))


def test_the_declared_range_is_checked_but_for_rounding(reader):
    reader.read(message(image=image(value=1.0009)))
    with pytest.raises(BadInput, match=r"^image: values are 255 to 255; expected 0 to 1, the range"):
        reader.read(message(image=image(value=255)))
    with pytest.raises(BadInput, match=r"^image: values are -0.002 to -0.002; expected 0 to 1"):
        reader.read(message(image=image(value=-0.002)))


def test_an_explanations_samples_and_a_stages_values_may_lie_outside_of_the_range(reader):
    reader.read(message({"explanation": True}, image=image(value=-3)))
    reader.read(message(hidden=np.full((1, 3), 77.0)))


@pytest.mark.parametrize(
    ("outputs", "binary", "expected"),
    [
        (None, False, {"logits": False, "gradient": False}),
        ([], True, {"logits": True, "gradient": True}),
        ([{"name": "gradient"}], True, {"gradient": True}),
        ([{"name": "gradient"}, {"name": "logits"}], False, {"gradient": False, "logits": False}),
        ([{"name": "logits", "parameters": {"binary_data": False}}], True, {"logits": False}),
        ([{"name": "logits", "parameters": {"binary_data": True}}], False, {"logits": True}),
    ],
)
def test_the_outputs_asked_for_come_in_their_order_and_form(reader, outputs, binary, expected):
    parameters = {"binary_data_output": binary}
    request = reader.read(message(parameters, outputs, image=image(), cotangent=np.ones((2, 2))))
    assert list(request.outputs.items()) == list(expected.items())


def test_the_values_of_stages_on_both_sides_of_the_sink_are_outputs_too(reader):
    outputs = [{"name": "logits"}, {"name": "flatten"}, {"name": "gradient"}]
    parameters = {"sink": "relu", "gradient_source": "hidden"}
    request = reader.read(message(parameters, outputs, image=image(), cotangent=np.ones((2, 3))))
    assert list(request.outputs) == ["logits", "flatten", "gradient"]
    assert [stage.name for stage in request.query.segment.stages] == ["flatten", "hidden", "relu", "logits"]
    assert (request.query.differentiated.source, request.query.differentiated.sink.name) == ("hidden", "relu")


def test_stages_behind_the_last_output_are_not_computed(reader):
    request = reader.read(message({"sink": "hidden"}, [{"name": "flatten"}], image=image()))
    assert [stage.name for stage in request.query.segment.stages] == ["flatten", "hidden"]


NAN = float("nan")
OF_PREDICTED = {"predicted_rows": 1, "gradient_from": 1}
CASES = {
    "a cotangent beside what is predicted": (
        message(OF_PREDICTED, image=image(), cotangent=np.ones((2, 2))),
        "there is a cotangent, and the parameter predicted_rows too; expected one of them",
    ),
    "no row with a gradient": (
        message({"predicted_rows": 1, "gradient_from": 2}, image=image()),
        "gradient_from is 2; expected less than 2, the rows",
    ),
    "more predicted than scored": (
        message({"predicted_rows": 2, "gradient_from": 1}, image=image()),
        "parameters: predicted_rows is 2 and gradient_from is 1; expected both or none",
    ),
    "nothing predicted": (
        message({"predicted_rows": 0, "gradient_from": 1}, image=image()),
        "parameters: predicted_rows is 0 and gradient_from is 1; expected both or none",
    ),
    "half of it": (
        message({"gradient_from": 1}, image=image()),
        "parameters: predicted_rows is None and gradient_from is 1; expected both or none",
    ),
    "predicted rows that are a text": (
        message({"predicted_rows": "1", "gradient_from": 1}, image=image()),
        "parameters: predicted_rows is '1'; expected a whole number",
    ),
    "predicted rows that are true": (
        message({"predicted_rows": True, "gradient_from": 1}, image=image()),
        "parameters: predicted_rows is 'True'; expected a whole number",
    ),
    "two sources": (message(image=image(), hidden=np.ones((2, 3))), "inputs are 'image', 'hidden'; expected 'image'"),
    "no source": (message(cotangent=np.ones((2, 2))), "inputs are 'cotangent'; expected 'image'"),
    "the last stage as the source": (message(logits=np.ones((2, 2))), "inputs are 'logits'; expected 'image'"),
    "an unknown name": (message(picture=image()), "inputs are 'picture'; expected 'image', the model's input, or"),
    "a sink before the source": (
        message({"sink": "flatten"}, hidden=np.ones((1, 3))),
        "sink is 'flatten'; expected a stage after 'hidden': relu, logits",
    ),
    "the source as the sink": (
        message({"sink": "relu"}, relu=np.ones((1, 3))),
        "sink is 'relu'; expected a stage after",
    ),
    "the input as the sink": (message({"sink": "image"}, image=image()), "sink is 'image'; expected a stage after"),
    "a sink that is a number": (
        message({"sink": 3}, image=image()),
        "parameters: sink is '3'; expected a stage's name",
    ),
    "explanation as a word": (
        message({"explanation": "yes"}, image=image()),
        "parameters: explanation is 'yes'; expected true or false",
    ),
    "parameters as a list": (message([1], image=image()), "parameters is not an object"),
    "an image without its channel": (
        message(image=np.ones((2, 2, 2))),
        r"image: shape is \[2, 2, 2\]; expected \[n, 1, 2, 2\]",
    ),
    "a scalar": (message(image=np.ones(())), r"image: shape is \[\]; expected \[n, 1, 2, 2\]"),
    "no rows": (message(image=image(0)), "image: has 0 rows; expected at least 1"),
    "NaN": (message(image=image(value=NAN)), "image: holds NaN, infinity or a number too large for FP32"),
    "infinity in a stage": (message(hidden=np.full((1, 3), np.inf)), "hidden: holds NaN, infinity"),
    "too large for FP32": (message(hidden=np.full((1, 3), 1e39)), "hidden: holds NaN, infinity"),
    "NaN in the cotangent": (message(image=image(), cotangent=np.full((2, 2), NAN)), "cotangent: holds NaN"),
    "a cotangent for other rows": (
        message(image=image(), cotangent=np.ones((3, 2))),
        r"cotangent: shape is \[3, 2\]; expected \[2, 2\], that of 'logits' for these rows",
    ),
    "a cotangent of the source's shape": (
        message({"sink": "hidden"}, image=image(), cotangent=image()),
        r"cotangent: shape is \[2, 1, 2, 2\]; expected \[2, 3\], that of 'hidden'",
    ),
    "an output that is not there": (
        message({"sink": "relu"}, [{"name": "flatten"}], hidden=np.ones((2, 3))),
        r"outputs: got 'flatten'; expected each of relu, logits at most once \(a gradient needs",
    ),
    "a gradient's source without a gradient": (
        message({"gradient_source": "hidden"}, image=image()),
        "there is gradient_source without a gradient; expected a cotangent or predicted_rows too",
    ),
    "the sink as the gradient's source": (
        message({"sink": "relu", "gradient_source": "relu"}, image=image(), cotangent=np.ones((2, 3))),
        "gradient_source is 'relu'; expected the source or a stage between it and the sink: image, flatten, hidden",
    ),
    "a gradient's source before the source": (
        message({"gradient_source": "image"}, hidden=np.ones((2, 3)), cotangent=np.ones((2, 2))),
        "gradient_source is 'image'; expected the source or a stage between it and the sink: hidden, relu",
    ),
    "a gradient's source that is a number": (
        message({"gradient_source": 1}, image=image(), cotangent=np.ones((2, 2))),
        "parameters: gradient_source is '1'; expected the input's or a stage's name",
    ),
    "more predicted rows than rows": (
        message({"predicted_rows": 3, "gradient_from": 0}, image=image()),
        "predicted_rows is 3; expected at most 2, the rows",
    ),
    "a gradient without a cotangent": (
        message(outputs=[{"name": "gradient"}], image=image()),
        "outputs: got 'gradient'",
    ),
    "an output twice": (
        message(outputs=[{"name": "logits"}, {"name": "logits"}], image=image()),
        "outputs: got 'logits'; expected each of flatten, hidden, relu, logits at most once",
    ),
    "an output without a name": (message(outputs=["logits"], image=image()), "outputs: got 'None'"),
    "outputs as an object": (message(outputs={"name": "logits"}, image=image()), "outputs is not a list"),
    "binary_data as a number": (
        message(outputs=[{"name": "logits", "parameters": {"binary_data": 1}}], image=image()),
        "parameters: binary_data is '1'; expected true or false",
    ),
    "an id that is a number": (Message({"id": 7}, {"image": image()}), "id is not a string"),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_requests_get_a_sentence(reader, name):
    bad, sentence = CASES[name]
    with pytest.raises(BadInput, match=f"^{sentence}"):
        reader.read(bad)


def test_more_rows_than_the_limit_are_too_large(reader):
    reader.read(message(image=image(10)))
    with pytest.raises(TooLarge, match=r"^image: has 11 rows; expected at most 10 in one request$"):
        reader.read(message(image=image(11)))


def test_a_larger_answer_than_the_limit_is_too_large(reader):
    reader.read(message({"sink": "hidden"}, image=image(7), cotangent=np.ones((7, 3))))
    with pytest.raises(TooLarge, match=r"^the answer for 8 rows has 224 bytes; expected at most 200: send fewer rows$"):
        reader.read(message({"sink": "hidden"}, image=image(8), cotangent=np.ones((8, 3))))


def test_every_output_counts(reader):
    outputs = [{"name": "hidden"}, {"name": "relu"}]
    reader.read(message({"sink": "flatten"}, outputs, image=image(5)))
    with pytest.raises(TooLarge, match=r"^the answer for 6 rows has 240 bytes; expected at most 200: send fewer rows$"):
        reader.read(message({"sink": "flatten"}, outputs, image=image(6)))


def test_a_single_rows_answer_may_be_of_any_size(model):
    reader = Reader(TensorKind(model), Limits(rows=10, answer_bytes=1))
    reader.read(message(image=image(1)))


def test_instances_may_leave_out_a_single_channel(reader):
    nested = [[[0, 1], [1, 0]]]
    (with_channel, _), (without, _) = reader.read_instances([nested]), reader.read_instances(nested)
    np.testing.assert_array_equal(without.source, with_channel.source)
    assert without.source.shape == (1, 1, 2, 2)


@pytest.mark.parametrize(
    ("instances", "sentence"),
    [
        (None, "'instances' is missing or empty"),
        ([], "'instances' is missing or empty"),
        ({"image": 1}, "'instances' is missing or empty"),
        ([[0, 1]], r"instances: shape is \[1, 2\]; expected \[n, 1, 2, 2\]"),
        ([0.5], r"instances: shape is \[1\]; expected \[n, 1, 2, 2\]"),
        ([[[0, 1], [1]]], "instances: rows of different length or depth"),
        ([[[0, "1"], [1, 0]]], "instances: holds something that is not a number"),
        ([[[0, None], [1, 0]]], "instances: holds something that is not a number"),
        ([{"b64": ""}], "instances: holds something that is not a number"),
        ([[[0, 2], [1, 0]]], "image: values are 0 to 2; expected 0 to 1"),
        ([[[0, 1e40], [1, 0]]], "instances: holds NaN, infinity or a number too large"),
    ],
)
def test_bad_instances_get_a_sentence(reader, instances, sentence):
    with pytest.raises(BadInput, match=f"^{sentence}"):
        reader.read_instances(instances)


def test_more_instances_than_the_limit_are_too_large(reader):
    with pytest.raises(TooLarge, match=r"^image: has 11 rows; expected at most 10"):
        reader.read_instances(image(11).tolist())
