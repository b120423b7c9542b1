import pytest
from captum_explainer.predictor_client.errors import require_success
from captum_explainer.predictor_client.http_connection import Reply
from captum_serving.errors import (
    BadGateway,
    BadInput,
    DeadlineExceeded,
    Forbidden,
    TooLarge,
    Unauthorized,
    Unavailable,
)


def test_a_good_reply_is_itself():
    reply = Reply(200, {}, b"anything")
    assert require_success(reply) is reply


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, BadInput),
        (401, Unauthorized),
        (403, Forbidden),
        (413, TooLarge),
        (429, Unavailable),
        (503, Unavailable),
        (504, DeadlineExceeded),
    ],
)
def test_the_callers_mistakes_keep_status_and_sentence(status, error):
    with pytest.raises(error) as refusal:
        require_success(Reply(status, {}, b'{"error": "too bad"}'))
    assert type(refusal.value) is error
    assert refusal.value.sentence == "too bad"


@pytest.mark.parametrize("status", [201, 204, 302, 404, 405, 422, 500, 502])
def test_whatever_else_is_between_the_servers(status):
    with pytest.raises(BadGateway) as refusal:
        require_success(Reply(status, {}, b'{"error": "too bad"}'))
    assert refusal.value.sentence == f"the predictor answered with status {status}: too bad"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"5", b'"error"', b'{"detail": "x"}', b'{"error": {}}'])
def test_of_a_body_without_a_sentence_the_status_is_told(body):
    with pytest.raises(BadInput) as refusal:
        require_success(Reply(400, {}, body))
    assert refusal.value.sentence == "the predictor answered with status 400"


def test_a_sentence_without_end_is_cut():
    with pytest.raises(BadInput) as refusal:
        require_success(Reply(400, {}, b'{"error": "%s"}' % (b"a" * 1000)))
    assert refusal.value.sentence == "a" * 500
