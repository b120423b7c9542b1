"""The exchanges of tests/contract, read as if a predictor had sent them."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from captum_explainer.deadline import Deadline
from captum_explainer.predictor_client.calls import MAX_CALL_ROWS
from captum_explainer.predictor_client.description import UNLIMITED, Access, Description, Stage
from captum_explainer.predictor_client.exchange import Derivative, Exchange, Predicted, StraightPath
from captum_explainer.predictor_client.http_connection import Reply
from captum_explainer.predictor_client.read_description import read_description
from captum_explainer.predictor_client.scores import ScoresSession
from captum_explainer.predictor_client.session import Session
from captum_serving.errors import BadInput
from captum_serving.protocol import wire

CONTRACT = Path(__file__).parents[3] / "tests" / "contract"


def recorded_exchange(name):
    return json.loads((CONTRACT / f"{name}.json").read_text())


def body_of(message):
    """The body of a request or response, and the length of its JSON header."""
    header = json.dumps(message["json"]).encode()
    binary = message.get("tensors_hex")
    return header + bytes.fromhex(binary or ""), None if binary is None else str(len(header))


def tensors(message, side):
    return wire.decode(*body_of(message), side).tensors


class Recording:
    """A connection that answers as recorded, and keeps what it was asked."""

    def __init__(self, name):
        self.exchange = recorded_exchange(name)

    def call(self, verb, path, deadline, body, headers):
        self.asked = verb, path, {name.lower(): value for name, value in headers.items()}, body
        response = self.exchange["response"]
        body, length = body_of(response)
        return Reply(response["status"], response["headers"] | ({wire.HEADER_LENGTH: length} if length else {}), body)

    def check_request(self, sink=None):
        """What was asked is what was recorded; the sink may be left out where it is the last stage."""
        recorded = self.exchange["request"]
        verb, path, headers, body = self.asked
        assert (verb, path) == (recorded["method"], recorded["path"])
        for name, value in recorded["headers"].items():
            assert headers[name.lower()] == value
        split = int(headers.get(wire.HEADER_LENGTH, len(body)))
        document = json.loads(body[:split])
        if sink is not None:
            assert document["parameters"].pop("sink") == sink
        assert document == recorded["json"]
        assert body[split:].hex() == recorded.get("tensors_hex", "")


@pytest.fixture
def tiny():
    return read_description("tiny", body_of(recorded_exchange("metadata")["response"])[0])


def open_session(recording, tiny, max_call_bytes=10**6):
    return Session(recording, tiny, Deadline(5), {}, max_call_bytes)


def ask(recording, tiny, sink, sends_sink):
    given = tensors(recording.exchange["request"], "inputs")
    source = next(iter(given))
    derivative = Derivative((source,), {sink: given["cotangent"]}) if "cotangent" in given else None
    answer = open_session(recording, tiny).answer(Exchange({source: given[source]}, (sink,), derivative))
    recording.check_request(sink=None if sends_sink else sink)
    return answer


def check_answer(answer, recording):
    """The sinks' values and the one gradient are those that were recorded."""
    answered = dict(tensors(recording.exchange["response"], "outputs"))
    gradient = answered.pop("gradient", None)
    assert answer.values.keys() == answered.keys()
    for name, value in answer.values.items():
        np.testing.assert_array_equal(value, answered[name])
    assert len(answer.gradients) == (gradient is not None)
    for found in answer.gradients.values():
        np.testing.assert_array_equal(found, gradient)


def test_the_description_is_read_as_it_was_recorded(tiny):
    recorded = recorded_exchange("metadata")["response"]["json"]
    assert tiny == Description(
        name="tiny",
        access=Access.STRUCTURE,
        input_name="image",
        input_shape=(1, 2, 2),
        input_range=(0.0, 1.0),
        output_name="logits",
        output_width=2,
        labels=("no", "yes"),
        baseline=0.0,
        stages=(
            Stage(name="flatten", kind="flatten", shape=(4,)),
            Stage(name="hidden", kind="linear", shape=(3,)),
            Stage(name="relu", kind="relu", shape=(3,)),
            Stage(name="logits", kind="linear", shape=(2,)),
        ),
        digest=recorded["model_digest"],
        predicts=True,
        gives_values=True,
        integrates=True,
        max_rows=100,
        max_body_bytes=10_000,
    )


def test_the_gradient_of_the_predicted_class_is_asked_for_and_answered_as_recorded(tiny):
    recording = Recording("gradient_of_predicted")
    rows = tensors(recording.exchange["request"], "inputs")["image"]
    derivative = Derivative(("image",), predicted=Predicted("logits", rows=1, first=2))
    answer = open_session(recording, tiny).answer(Exchange({"image": rows}, ("logits",), derivative))
    recording.check_request(sink="logits")
    check_answer(answer, recording)
    assert list(answer.gradients) == ["image"]


def test_the_values_of_stages_are_asked_for_and_answered_as_recorded(tiny):
    recording = Recording("values_of_stages")
    rows = tensors(recording.exchange["request"], "inputs")["image"]
    derivative = Derivative(("relu",), predicted=Predicted("logits", rows=1))
    answer = open_session(recording, tiny).answer(Exchange({"image": rows}, ("hidden", "logits"), derivative))
    recording.check_request(sink="logits")
    assert list(answer.values) == ["hidden", "logits"]
    check_answer(answer, recording)
    assert list(answer.gradients) == ["relu"]


def test_the_integral_along_a_path_is_asked_for_and_answered_as_recorded(tiny):
    recording = Recording("path_integral")
    given = tensors(recording.exchange["request"], "inputs")
    path = StraightPath(given["path_start"], given["path_nodes"], given["path_weights"])
    session = open_session(recording, tiny)
    derivative = Derivative(("image",), predicted=Predicted("logits", rows=1), path=path)
    answer = session.answer(Exchange({"image": given["image"]}, ("logits",), derivative))
    recording.check_request(sink="logits")
    check_answer(answer, recording)
    assert list(answer.gradients) == ["image"]
    assert session.rows == 4


@pytest.mark.parametrize(("steps", "max_call_bytes"), [(20, 20 * 16 - 1), (MAX_CALL_ROWS, 10**6)])
def test_a_path_of_too_many_points_is_not_carried_by_one_call(steps, max_call_bytes, tiny):
    # The predictor holds a point's gradient, which is 16 bytes; the points are rows beside the one that is scored.
    rule = np.ones(steps, np.float32)
    path = StraightPath(np.zeros((1, 1, 2, 2), np.float32), rule, rule)
    unlimited = replace(tiny, max_rows=UNLIMITED, max_body_bytes=UNLIMITED)
    session = open_session(Recording("path_integral"), unlimited, max_call_bytes)
    for one, carried in ((path, False), (path._replace(nodes=rule[1:], weights=rule[1:]), True)):
        derivative = Derivative(("image",), predicted=Predicted("logits", rows=1), path=one)
        exchange = Exchange({"image": np.zeros((1, 1, 2, 2), np.float32)}, ("logits",), derivative)
        assert session.carries(exchange) is carried


@pytest.mark.parametrize("stages", [["flatten", "hidden"], ["hidden", "relu"]])
def test_what_has_no_room_in_one_call_is_not_carried(stages, tiny):
    # The answer has 12 numbers of a row at least, the limit is 11 a row.
    derivative = Derivative(("relu" if "flatten" in stages else "flatten",), predicted=Predicted("logits", rows=1))
    exchange = Exchange({"image": np.zeros((3, 1, 2, 2), np.float32)}, (*stages, "logits"), derivative)
    assert not open_session(Recording("values_of_stages"), tiny, 3 * 4 * 11).carries(exchange)
    assert open_session(Recording("values_of_stages"), tiny).carries(exchange)


GIVEN = Derivative(("image",), {"logits": np.zeros((1, 2), np.float32)})
STRAIGHT = StraightPath(np.zeros((1, 1, 2, 2), np.float32), np.ones(1, np.float32), np.ones(1, np.float32))


@pytest.mark.parametrize(
    ("lacking", "sinks", "derivative"),
    [
        ("gives_values", ("hidden", "logits"), None),
        ("gives_values", ("logits",), replace(GIVEN, sources=("hidden",))),
        ("predicts", ("logits",), Derivative(("image",), predicted=Predicted("logits", rows=1))),
        ("integrates", (), replace(GIVEN, path=STRAIGHT)),
    ],
    ids=["values of stages", "a gradient by an inner stage", "a predicted class", "a path"],
)
def test_what_the_predictor_does_not_say_that_it_can_is_not_carried(lacking, sinks, derivative, tiny):
    exchange = Exchange({"image": np.zeros((1, 1, 2, 2), np.float32)}, sinks, derivative)
    plain = Exchange(exchange.sources, ("logits",), GIVEN)
    for able in (True, False):
        session = open_session(Recording("metadata"), replace(tiny, **{lacking: able}))
        assert session.carries(exchange) is able
        assert session.carries(plain)


@pytest.mark.parametrize(("name", "sink"), [("segment_value_binary", "hidden"), ("gradient_binary", "logits")])
def test_a_segment_is_asked_for_and_answered_as_recorded(name, sink, tiny):
    recording = Recording(name)
    answer = ask(recording, tiny, sink, sends_sink="sink" in recording.exchange["request"]["json"]["parameters"])
    check_answer(answer, recording)
    assert list(answer.values) == [sink]


def test_an_answer_in_json_is_read_too(tiny):
    recording = Recording("segment_gradient_json")
    rows, cotangent = (tensors(recording.exchange["request"], "inputs")[name] for name in ("hidden", "cotangent"))
    exchange = Exchange({"hidden": rows}, ("relu",), Derivative(("hidden",), {"relu": cotangent}))
    answer = open_session(recording, tiny).answer(exchange)
    assert answer.values["relu"].tolist() == [[2.0, 0.0, 0.25]]
    assert answer.gradients["hidden"].tolist() == [[1.0, 0.0, -2.0]]


def test_a_refusal_keeps_its_sentence(tiny):
    recording = Recording("error_unknown_sink")
    rows = tensors(recording.exchange["request"], "inputs")["image"]
    with pytest.raises(BadInput) as refusal:
        open_session(recording, tiny).answer(Exchange({"image": rows}, ("logits",)))
    assert refusal.value.sentence == recording.exchange["response"]["json"]["error"]


def test_v1_scores_are_asked_for_and_answered_as_recorded():
    recording = Recording("predict_v1")
    recorded = recording.exchange
    rows = np.array(recorded["request"]["json"]["instances"], np.float32)
    session = ScoresSession(recording, Description("tiny"), Deadline(5), {}, 10**6, "v1")
    answer = session.answer(Exchange({"input": rows}, ("output",)))
    recording.check_request()
    np.testing.assert_array_equal(
        answer.values["output"], np.array(recorded["response"]["json"]["predictions"], np.float32)
    )


@pytest.mark.parametrize("name", ["infer_json", "infer_binary"])
def test_v2_scores_are_answered_as_recorded(name):
    recording = Recording(name)
    given = tensors(recording.exchange["request"], "inputs")["image"]
    described = Description("tiny", input_name="image", binary=name == "infer_binary")
    session = ScoresSession(recording, described, Deadline(5), {}, 10**6, "v2")
    answer = session.answer(Exchange({"image": given}, ("output",)))
    np.testing.assert_array_equal(answer.values["output"], tensors(recording.exchange["response"], "outputs")["logits"])
    verb, path, headers, body = recording.asked
    asked = wire.decode(body, headers.get(wire.HEADER_LENGTH), "inputs").tensors
    assert (verb, path) == ("POST", "/v2/models/tiny/infer")
    np.testing.assert_array_equal(asked["image"], given)
