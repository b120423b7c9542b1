import pytest
from captum_explainer.deadline import Deadline
from captum_explainer.predictor_client import pool
from captum_explainer.predictor_client.pool import PredictorPool
from captum_explainer.settings import Limits, PredictorAddress
from captum_serving.errors import BadInput


@pytest.fixture
def predictors(fake_predictor):
    return PredictorPool(PredictorAddress(fake_predictor.host), Limits().max_call_bytes)


def call(client):
    return client.predict("forest", b"{}", Deadline(5), {})


def connections(fake_predictor):
    """Watches the fake predictor: the set of its connections so far."""
    seen, answer = set(), fake_predictor.answer

    def watched(handler, request):
        seen.add(handler.client_address)
        answer(handler, request)

    fake_predictor.answer = watched
    return seen


def test_at_once_no_two_have_one_connection_and_one_after_the_other_all_have_the_same(predictors, fake_predictor):
    seen = connections(fake_predictor)
    for _ in range(3):
        with predictors.lend() as client:
            call(client)
            call(client)
    assert len(seen) == 1
    with predictors.lend() as one, predictors.lend() as other:
        for client in (one, other, one):
            call(client)
    assert len(seen) == 2


def test_a_client_is_given_back_whatever_happened(predictors, fake_predictor):
    seen = connections(fake_predictor)

    def fail():
        with predictors.lend() as client:
            call(client)
            raise BadInput("such a request cannot be")

    for _ in range(3):
        with pytest.raises(BadInput):
            fail()
    assert len(seen) == 1


def test_an_old_connection_is_closed_and_another_made(predictors, fake_predictor, monkeypatch):
    seen = connections(fake_predictor)
    with predictors.lend() as first:
        call(first)
    monkeypatch.setattr(pool, "MAX_AGE_SECONDS", -1.0)
    with predictors.lend() as second:
        call(second)
    assert len(seen) == 2
    assert second is not first


def test_it_has_answered_once_one_had_an_answer(predictors, fake_predictor):
    assert not predictors.answered
    with predictors.lend() as client:
        call(client)
    assert predictors.answered
    with predictors.lend():
        pass
    assert predictors.answered
