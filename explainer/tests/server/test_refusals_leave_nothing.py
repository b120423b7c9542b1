"""What a refused request was is gone when it has been answered, without the garbage collector."""

import asyncio
import gc
import json
import threading
import time
from collections import Counter

import httpx
import pytest
from captum_explainer.formats.request import Incoming
from captum_explainer.server.kserve_model import KserveModel
from captum_explainer.server.options import compose_settings
from captum_serving.boundary.front import build_application
from captum_serving.boundary.limits import Bodies, Body
from captum_serving.limits import DEFAULT_LIMITS

PATH = "/v1/models/forest:explain"
GOOD = {"instances": [[0.5, 1.0]], "parameters": {"method": "kernel_shap", "n_samples": 8}}
BAD_PARAMETER = {**GOOD, "parameters": {"method": "kernel_shap", "n_samples": "many"}}
BAD_INSTANCES = {**GOOD, "instances": [[0.5, None]]}


@pytest.fixture
def uncollected():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def post(settings, documents):
    """The statuses of documents that are sent to one explainer."""
    app = build_application(KserveModel(settings).routes(), "explainer", Bodies(DEFAULT_LIMITS))

    async def send():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://explainer") as client:
            return [(await client.post(PATH, json=document)).status_code for document in documents]

    return asyncio.run(send())


def left(most=0):
    """What is there of requests, once the threads that answered the last of them have let go of it."""
    end = time.monotonic() + 5
    while True:
        found = Counter(type(each).__name__ for each in gc.get_objects() if type(each) in (Incoming, Body))
        if sum(found.values()) <= most or time.monotonic() > end:
            return found
        time.sleep(0.05)


@pytest.mark.parametrize("document", [BAD_PARAMETER, BAD_INSTANCES], ids=["parameter", "instances"])
def test_a_request_that_is_wrong(document, fake_predictor, send_reply, uncollected):
    fake_predictor.answer = lambda handler, request: send_reply(handler, 404, b"{}")
    assert post(compose_settings(model_name="forest", predictor_host=fake_predictor.host), [document] * 5) == [400] * 5
    assert not left()


def test_a_request_for_which_the_predictor_fails(fake_predictor, send_reply, uncollected):
    def answer(handler, request):
        return send_reply(handler, 500 if request.path.endswith(":predict") else 404, b"{}")

    fake_predictor.answer = answer
    assert post(compose_settings(model_name="forest", predictor_host=fake_predictor.host), [GOOD] * 5) == [502] * 5
    assert not left()


def test_a_request_for_which_the_predictor_hangs_up(fake_predictor, send_reply, uncollected, monkeypatch):
    monkeypatch.setattr("captum_explainer.predictor_client.transport.RETRY_SECONDS", 0.1)

    def answer(handler, request):
        if request.path.endswith(":predict"):
            handler.close_connection = True
        else:
            send_reply(handler, 404, b"{}")

    fake_predictor.answer = answer
    assert post(compose_settings(model_name="forest", predictor_host=fake_predictor.host), [GOOD] * 3) == [503] * 3
    assert not left()


def test_a_request_that_took_too_long(fake_predictor, send_reply, uncollected):
    released = threading.Event()

    def answer(handler, request):
        if request.path.endswith(":predict"):
            released.wait(5)
        send_reply(handler, 404, b"{}")

    fake_predictor.answer = answer
    settings = compose_settings(model_name="forest", predictor_host=fake_predictor.host, deadline_seconds=0.2)
    assert post(settings, [GOOD] * 2) == [504] * 2
    released.set()
    assert not left()


def test_a_request_that_was_answered(fake_predictor, send_reply, uncollected):
    def answer(handler, request):
        if not request.path.endswith(":predict"):
            return send_reply(handler, 404, b"{}")
        rows = json.loads(request.body)["instances"]
        return send_reply(handler, 200, json.dumps({"predictions": [[a, b] for a, b in rows]}).encode())

    fake_predictor.answer = answer
    assert post(compose_settings(model_name="forest", predictor_host=fake_predictor.host), [GOOD] * 5) == [200] * 5
    # scikit-learn is imported for the first one, and some module keeps an error of that with its frames.
    assert sum(left(1).values()) <= 1
