import json
from dataclasses import replace

import numpy as np
import pytest
from captum_explainer.deadline import Deadline
from captum_explainer.predictor_client import calls
from captum_explainer.predictor_client.exchange import Derivative, Exchange, StraightPath
from captum_explainer.predictor_client.http_connection import Reply
from captum_explainer.predictor_client.session import ModelChanged, Session
from captum_serving.errors import BadGateway, BadInput
from captum_serving.protocol import wire

ROWS = np.random.default_rng(8).random((10, 1, 6, 6), dtype=np.float32)
COTANGENT = np.random.default_rng(9).random((10, 3), dtype=np.float32)


def exchange(sink="logits", cotangent=None):
    derivative = None if cotangent is None else Derivative(("image",), {sink: cotangent})
    return Exchange({"image": ROWS}, (sink,), derivative)


BOTH = exchange(cotangent=COTANGENT)


class Predictor:
    """Answers with scores that are sums of the rows, and gradients that are rows times cotangents' sums."""

    def __init__(self, digest):
        self.digests = [digest]
        self.calls = []
        self.spoil = lambda tensors: tensors

    def call(self, verb, path, deadline, body, headers):
        message = wire.decode(body, headers["inference-header-content-length"], "inputs")
        self.calls.append((verb, path, headers, message))
        rows = message.tensors["image"]
        value = rows.sum((1, 2, 3))[:, None] * np.array([1.0, 2.0, 3.0], np.float32)
        tensors = {"logits": value}
        if "path_start" in message.tensors:
            weights = message.tensors["path_weights"].sum() * message.tensors["cotangent"].sum(1)
            tensors = {"gradient": (rows - message.tensors["path_start"]) * weights[:, None, None, None]}
        elif "cotangent" in message.tensors:
            tensors["gradient"] = rows * message.tensors["cotangent"].sum(1)[:, None, None, None]
        digest = self.digests.pop(0) if len(self.digests) > 1 else self.digests[0]
        document = {"parameters": {"model_digest": digest}} if digest else {}
        body, length = wire.encode(document, self.spoil(tensors), "outputs", binary=True)
        return Reply(200, {wire.HEADER_LENGTH: str(length)}, body)


@pytest.fixture
def predictor(description):
    return Predictor(description.digest)


@pytest.fixture
def session(predictor, description):
    def limited_to(max_call_bytes=10**6, **headers):
        return Session(predictor, description, Deadline(5), headers, max_call_bytes)

    return limited_to


def rows_of(predictor):
    return [len(message.tensors["image"]) for *_, message in predictor.calls]


def test_a_call_says_what_is_wanted(session, predictor):
    session(traceparent="00-1").answer(BOTH)
    ((verb, path, headers, message),) = predictor.calls
    assert (verb, path) == ("POST", "/v2/models/tiny/infer")
    assert headers["traceparent"] == "00-1"
    assert headers["Content-Type"] == "application/octet-stream"
    assert message.parameters == {"sink": "logits", "explanation": True, "binary_data_output": True}
    np.testing.assert_array_equal(message.tensors["image"], ROWS)
    np.testing.assert_array_equal(message.tensors["cotangent"], COTANGENT)


def test_without_a_cotangent_there_is_no_gradient(session, predictor):
    answer = session().answer(exchange())
    assert answer.gradients == {}
    assert list(predictor.calls[0][3].tensors) == ["image"]


@pytest.mark.parametrize(
    ("limit", "parts"),
    [
        (10**6, [10]),
        (1440, [10]),
        (1439, [5, 5]),
        (500, [4, 3, 3]),
        (144, [1] * 10),
        (1, [1] * 10),  # a single row is sent whatever its size
    ],
)
def test_a_call_over_the_limit_is_split_evenly(limit, parts, session, predictor):
    asked = session(limit)
    value = asked.answer(exchange()).values["logits"]
    assert rows_of(predictor) == parts
    assert (asked.calls, asked.rows) == (len(parts), 10)
    np.testing.assert_array_equal(value, session().answer(exchange()).values["logits"])


def test_a_cotangent_is_split_with_its_rows_and_counts(session, predictor):
    # Each way 36 numbers and 3 more, of 4 bytes: 1560 bytes for ten rows.
    whole = session(1560).answer(BOTH)
    assert rows_of(predictor) == [10]
    split = session(1559).answer(BOTH)
    assert rows_of(predictor) == [10, 5, 5]
    np.testing.assert_array_equal(split.values["logits"], whole.values["logits"])
    np.testing.assert_array_equal(split.gradients["image"], whole.gradients["image"])


def test_an_answer_that_is_larger_than_its_request_counts(session, predictor):
    predictor.spoil = lambda tensors: {"conv": np.zeros((len(tensors["logits"]), 2, 6, 6), np.float32)}
    session(1440).answer(exchange("conv"))
    assert rows_of(predictor) == [5, 5]


def test_small_rows_are_split_by_their_number(session, predictor, monkeypatch):
    monkeypatch.setattr(calls, "MAX_CALL_ROWS", 4)
    session().answer(exchange())
    assert rows_of(predictor) == [4, 3, 3]


@pytest.mark.parametrize(
    ("limits", "parts"),
    [
        ({"max_rows": 10, "max_body_bytes": 2880}, [10]),
        ({"max_rows": 4}, [4, 3, 3]),
        ({"max_rows": 1}, [1] * 10),
        ({"max_body_bytes": 2879}, [5, 5]),
        ({"max_body_bytes": 1}, [1] * 10),
    ],
)
def test_the_predictors_own_limits_are_obeyed(limits, parts, session, predictor, description):
    asked = replace(session(), description=replace(description, **limits))
    asked.answer(exchange())
    assert rows_of(predictor) == parts


@pytest.mark.parametrize(
    ("limit", "parts"),
    [
        (10**6, [10]),
        # Four points of 144 bytes a path: the predictor holds 5760 bytes for ten paths, and 2880 for five.
        (5759, [5, 5]),
        (2879, [2, 3, 2, 3]),
        (4 * 144, [1] * 10),
        (1, [1] * 10),
    ],
)
def test_paths_are_halved_until_what_the_predictor_holds_fits(limit, parts, session, predictor, description):
    rule = np.full(4, 0.25, np.float32)
    derivative = Derivative(("image",), {"logits": COTANGENT}, path=StraightPath(ROWS[::-1], rule, rule))
    question = Exchange({"image": ROWS}, (), derivative)
    asked = replace(session(limit), description=replace(description, integrates=True))
    answer = asked.answer(question)
    assert rows_of(predictor) == parts
    assert (asked.calls, asked.rows, answer.values) == (len(parts), 40, {})
    expected = (ROWS - ROWS[::-1]) * COTANGENT.sum(1)[:, None, None, None]
    np.testing.assert_array_equal(answer.gradients["image"], expected)


@pytest.mark.parametrize(
    "question",
    [
        Exchange({"conv": ROWS, "relu": ROWS}, ("logits",)),
        Exchange({"image": ROWS}, ("logits",), Derivative(("conv", "relu"), {"logits": COTANGENT})),
        Exchange({"image": ROWS}, ("conv", "logits"), Derivative(("image",), {"conv": ROWS, "logits": COTANGENT})),
    ],
    ids=["sources", "gradients", "cotangents"],
)
def test_an_exchange_with_several_ends_is_not_carried(question, session, description):
    asked = replace(session(), description=replace(description, gives_values=True))
    assert asked.carries(exchange("conv"))
    assert not asked.carries(question)


def test_extra_inputs_are_split_with_their_rows(session, predictor):
    question = Exchange({"image": ROWS}, ("logits",), extra_inputs={"types": np.arange(10)[:, None]})
    session(720).answer(question)
    assert [message.tensors["types"][:, 0].tolist() for *_, message in predictor.calls] == [
        [0, 1, 2, 3, 4],
        [5, 6, 7, 8, 9],
    ]


def test_another_digest_is_another_model_also_in_a_later_part(session, predictor, description):
    predictor.digests = [description.digest, "cd" * 32]
    with pytest.raises(ModelChanged):
        session(720).answer(exchange())
    assert len(predictor.calls) == 2


@pytest.mark.parametrize("digest", [None, 5])
def test_an_answer_that_names_no_version_is_a_bad_gateway(digest, session, predictor):
    predictor.digests = [digest]
    with pytest.raises(BadGateway, match="names no model_digest"):
        session().answer(exchange())


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (
            lambda t: {"other": t["logits"]} | t | {"logits": t["logits"][:5]},
            r"float32 \[5, 3\]; expected float32 \[10, 3",
        ),
        (lambda t: t | {"logits": t["logits"].astype(np.float64)}, r"'logits' is float64 \[10, 3\]; expected float32"),
        (lambda t: t | {"logits": t["logits"] * np.float32(np.nan)}, "'logits' holds NaN or infinity"),
        (lambda t: {"gradient": t["gradient"]}, r"'logits' is none; expected float32 \[10, 3\]"),
        (lambda t: {"logits": t["logits"]}, r"'gradient' is none; expected float32 \[10, 1, 6, 6\]"),
        (lambda t: t | {"gradient": t["gradient"][:, 0]}, r"'gradient' is float32 \[10, 6, 6\]; expected"),
        (lambda t: t | {"gradient": t["gradient"] + np.float32(np.inf)}, "'gradient' holds NaN or infinity"),
    ],
)
def test_outputs_that_are_not_what_was_asked_for_are_a_bad_gateway(spoil, sentence, session, predictor):
    predictor.spoil = spoil
    with pytest.raises(BadGateway, match=sentence):
        session().answer(BOTH)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"outputs": []}', b'{"outputs": [{"name": "logits"}]}'])
def test_what_is_no_answer_of_the_protocol_is_a_bad_gateway(body, session, predictor):
    predictor.call = lambda *_: Reply(200, {}, body)
    with pytest.raises(BadGateway, match="does not follow the Open Inference Protocol"):
        session().answer(exchange())


def test_a_refusal_is_the_predictors_own(session, predictor):
    predictor.call = lambda *_: Reply(400, {}, json.dumps({"error": "values of 2; expected 0 to 1"}).encode())
    with pytest.raises(BadInput, match="values of 2; expected 0 to 1"):
        session().answer(exchange())
