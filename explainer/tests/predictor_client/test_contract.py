"""The exchanges of tests/contract, read as if a predictor had sent them."""

import json
from pathlib import Path

import numpy as np
import pytest
from captum_explainer.deadline import Deadline
from captum_explainer.predictor_client.description import Access, Description, Stage, read_description
from captum_explainer.predictor_client.http_connection import Reply
from captum_explainer.predictor_client.scores import ScoresSession
from captum_explainer.predictor_client.session import MAX_CALL_ROWS, Derivative, Session, StraightPath
from captum_serving.errors import BadInput
from captum_serving.protocol import wire

CONTRACT = Path(__file__).parents[3] / "tests" / "contract"


def exchange(name):
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
        self.exchange = exchange(name)

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
    return read_description("tiny", body_of(exchange("metadata")["response"])[0])


def ask(recording, tiny, sink, sends_sink):
    given = tensors(recording.exchange["request"], "inputs")
    source = next(iter(given))
    answer = Session(recording, tiny, Deadline(5), {}, 10**6).ask(source, sink, given[source], given.get("cotangent"))
    recording.check_request(sink=None if sends_sink else sink)
    return answer


def test_the_description_is_read_as_it_was_recorded(tiny):
    recorded = exchange("metadata")["response"]["json"]
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
            Stage("flatten", "flatten", (4,), {}),
            Stage("hidden", "linear", (3,), {}),
            Stage("relu", "relu", (3,), {}),
            Stage("logits", "linear", (2,), {}),
        ),
        digest=recorded["model_digest"],
        predicts=True,
        gives_values=True,
        integrates=True,
    )


def test_the_gradient_of_the_predicted_class_is_asked_for_and_answered_as_recorded(tiny):
    recording = Recording("gradient_of_predicted")
    rows = tensors(recording.exchange["request"], "inputs")["image"]
    session = Session(recording, tiny, Deadline(5), {}, 10**6)
    answer = session.ask_values("image", ["logits"], rows, Derivative("image", "logits", predicted=1, first=2))
    recording.check_request(sink="logits")
    answered = tensors(recording.exchange["response"], "outputs")
    np.testing.assert_array_equal(answer.by_stage["logits"], answered["logits"])
    np.testing.assert_array_equal(answer.gradient, answered["gradient"])


def test_the_values_of_stages_are_asked_for_and_answered_as_recorded(tiny):
    recording = Recording("values_of_stages")
    rows = tensors(recording.exchange["request"], "inputs")["image"]
    session = Session(recording, tiny, Deadline(5), {}, 10**6)
    answer = session.ask_values("image", ["hidden", "logits"], rows, Derivative("relu", "logits", predicted=1))
    recording.check_request(sink="logits")
    answered = tensors(recording.exchange["response"], "outputs")
    assert list(answer.by_stage) == ["hidden", "logits"]
    for name, value in answer.by_stage.items():
        np.testing.assert_array_equal(value, answered[name])
    np.testing.assert_array_equal(answer.gradient, answered["gradient"])


def test_the_integral_along_a_path_is_asked_for_and_answered_as_recorded(tiny):
    recording = Recording("path_integral")
    given = tensors(recording.exchange["request"], "inputs")
    path = StraightPath(given["path_start"], given["path_nodes"], given["path_weights"])
    session = Session(recording, tiny, Deadline(5), {}, 10**6)
    derivative = Derivative("image", "logits", predicted=1, path=path)
    answer = session.ask_values("image", ["logits"], given["image"], derivative)
    recording.check_request(sink="logits")
    answered = tensors(recording.exchange["response"], "outputs")
    np.testing.assert_array_equal(answer.by_stage["logits"], answered["logits"])
    np.testing.assert_array_equal(answer.gradient, answered["gradient"])
    assert session.rows == 4


@pytest.mark.parametrize("limit", [{"max_call_bytes": 2 * 16 - 1}, {"steps": MAX_CALL_ROWS}], ids=str)
def test_a_path_of_too_many_points_is_not_asked_for_by_one_call(limit, tiny):
    session = Session(Recording("path_integral"), tiny, Deadline(5), {}, limit.get("max_call_bytes", 10**6))
    rule = np.ones(limit.get("steps", 2), np.float32)
    derivative = Derivative(
        "image", "logits", predicted=1, path=StraightPath(np.zeros((1, 1, 2, 2), np.float32), rule, rule)
    )
    assert session.ask_values("image", ["logits"], np.zeros((1, 1, 2, 2), np.float32), derivative) is None


@pytest.mark.parametrize("stages", [["flatten", "hidden"], ["hidden", "relu"]])
def test_what_one_call_cannot_carry_is_not_asked_for_at_once(stages, tiny):
    # The answer has 12 numbers of a row at least, the limit is 11 a row.
    session = Session(Recording("values_of_stages"), tiny, Deadline(5), {}, 3 * 4 * 11)
    rows = np.zeros((3, 1, 2, 2), np.float32)
    derivative = Derivative("relu" if "flatten" in stages else "flatten", "logits", predicted=1)
    assert session.ask_values("image", [*stages, "logits"], rows, derivative) is None


@pytest.mark.parametrize(("name", "sink"), [("segment_value_binary", "hidden"), ("gradient_binary", "logits")])
def test_a_segment_is_asked_for_and_answered_as_recorded(name, sink, tiny):
    recording = Recording(name)
    answer = ask(recording, tiny, sink, sends_sink="sink" in recording.exchange["request"]["json"]["parameters"])
    answered = tensors(recording.exchange["response"], "outputs")
    np.testing.assert_array_equal(answer.value, answered[sink])
    if "gradient" in answered:
        np.testing.assert_array_equal(answer.gradient, answered["gradient"])
    else:
        assert answer.gradient is None


def test_an_answer_in_json_is_read_too(tiny):
    recording = Recording("segment_gradient_json")
    rows, cotangent = (tensors(recording.exchange["request"], "inputs")[name] for name in ("hidden", "cotangent"))
    answer = Session(recording, tiny, Deadline(5), {}, 10**6).ask("hidden", "relu", rows, cotangent)
    assert answer.value.tolist() == [[2.0, 0.0, 0.25]]
    assert answer.gradient.tolist() == [[1.0, 0.0, -2.0]]


def test_a_refusal_keeps_its_sentence(tiny):
    recording = Recording("error_unknown_sink")
    rows = tensors(recording.exchange["request"], "inputs")["image"]
    with pytest.raises(BadInput) as refusal:
        Session(recording, tiny, Deadline(5), {}, 10**6).ask("image", "logits", rows)
    assert refusal.value.sentence == recording.exchange["response"]["json"]["error"]


def test_v1_scores_are_asked_for_and_answered_as_recorded():
    recording = Recording("predict_v1")
    recorded = recording.exchange
    rows = np.array(recorded["request"]["json"]["instances"], np.float32)
    answer = ScoresSession(recording, Description("tiny"), Deadline(5), {}, 10**6, "v1").ask("input", "output", rows)
    recording.check_request()
    np.testing.assert_array_equal(answer.value, np.array(recorded["response"]["json"]["predictions"], np.float32))


@pytest.mark.parametrize("name", ["infer_json", "infer_binary"])
def test_v2_scores_are_answered_as_recorded(name):
    recording = Recording(name)
    given = tensors(recording.exchange["request"], "inputs")["image"]
    described = Description("tiny", input_name="image", binary=name == "infer_binary")
    answer = ScoresSession(recording, described, Deadline(5), {}, 10**6, "v2").ask("image", "output", given)
    np.testing.assert_array_equal(answer.value, tensors(recording.exchange["response"], "outputs")["logits"])
    verb, path, headers, body = recording.asked
    asked = wire.decode(body, headers.get(wire.HEADER_LENGTH), "inputs").tensors
    assert (verb, path) == ("POST", "/v2/models/tiny/infer")
    np.testing.assert_array_equal(asked["image"], given)
