import asyncio
import json
import threading

import pytest
from captum_explainer.formats import dispatch
from captum_explainer.formats.request import Incoming
from captum_explainer.server.options import compose_settings
from captum_explainer.server.service import Explainer
from captum_serving.errors import (
    BadGateway,
    BadInput,
    DeadlineExceeded,
    Forbidden,
    NotFound,
    Overloaded,
    Unauthorized,
    Unavailable,
)

PREDICT = "/v1/models/forest:predict"
REQUEST = json.dumps({"instances": [[0.0, 1.0]], "parameters": {"method": "feature_ablation", "target": 1}}).encode()


@pytest.fixture
def explainer(fake_predictor, send_reply):
    """Makes an explainer of a V1 predictor that scores [x0, 2 x0 + 3 x1]."""

    def answer(handler, request):
        if request.path != PREDICT:
            return send_reply(handler, 404, b"{}")
        rows = json.loads(request.body)["instances"]
        return send_reply(handler, 200, json.dumps({"predictions": [[a, 2 * a + 3 * b] for a, b in rows]}).encode())

    fake_predictor.answer = answer

    def make(**flags):
        return Explainer(compose_settings(**{"model_name": "forest", "predictor_host": fake_predictor.host} | flags))

    return make


def posted(explainer, body=REQUEST, headers=None):
    """The answer that a body will have, to be awaited."""
    return explainer.answer(Incoming(body, forwarded_headers=headers or {}), dispatch.read)


def explained(explainer, headers=None):
    return json.loads(asyncio.run(posted(explainer, headers=headers)).body)["explanations"]


def test_it_is_healthy_once_the_predictor_has_answered(explainer, fake_predictor):
    made = explainer()
    assert asyncio.run(made.healthy())
    fake_predictor.close()
    assert asyncio.run(made.healthy())


@pytest.mark.parametrize("status", [200, 302, 400, 401, 404, 429, 500, 504])
def test_whatever_the_predictor_answers_it_has_answered(status, explainer, fake_predictor, send_reply):
    made = explainer()
    fake_predictor.answer = lambda handler, request: send_reply(handler, status, b"{}")
    assert asyncio.run(made.healthy())
    fake_predictor.close()
    assert asyncio.run(made.healthy())


def test_before_the_predictor_answers_it_is_not_healthy(explainer, fake_predictor, send_reply):
    made = explainer()
    fake_predictor.answer = lambda handler, request: handler.connection.close()
    assert not asyncio.run(made.healthy())
    fake_predictor.answer = lambda handler, request: send_reply(handler, 503, b"{}")
    assert not asyncio.run(made.healthy())
    fake_predictor.answer = lambda handler, request: threading.Event().wait(1.5)
    assert not asyncio.run(made.healthy())


def test_another_name_is_not_found(explainer):
    with pytest.raises(NotFound, match="there is no model 'oak'; this server explains 'forest'"):
        explainer().check_name("oak")


def test_credentials_go_on_to_the_predictor(explainer, fake_predictor):
    explained(explainer(), headers={"authorization": "Bearer a"})
    assert {request.headers["authorization"] for request in fake_predictor.requests} == {"Bearer a"}


def test_the_deadline_holds_while_the_predictor_hangs(explainer, fake_predictor):
    release = threading.Event()
    fake_predictor.answer = lambda handler, request: release.wait(5)
    with pytest.raises(DeadlineExceeded, match=r"longer than 0.2 s"):
        explained(explainer(deadline_seconds=0.2))
    release.set()


def test_what_waits_beyond_the_limit_is_refused(explainer, fake_predictor):
    release = threading.Event()
    answer = fake_predictor.answer
    fake_predictor.answer = lambda handler, request: release.wait(5) and answer(handler, request)
    made = explainer(concurrency=1, max_waiting=1)

    async def three():
        calls = [asyncio.create_task(posted(made)) for _ in range(3)]
        await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        release.set()
        return await asyncio.gather(*calls, return_exceptions=True)

    *served, refused = asyncio.run(three())
    assert isinstance(refused, Overloaded)
    assert [json.loads(one.body)["explanations"] for one in served] == [[[0.0, 3.0]]] * 2


def test_instances_that_are_no_pictures_are_explained_value_by_value_without_being_asked(explainer):
    document = json.loads(asyncio.run(posted(explainer(), b'{"instances": [[0.5, 1.0]]}')).body)
    assert (document["parameters"]["method"], document["parameters"]["segmentation"]) == ("kernel_shap", "pixels")
    assert document["explanations"][0] == pytest.approx([1.0, 3.0], rel=1e-3)


def refuse_description(fake_predictor, send_reply, status, body):
    """Let a GET, which asks for the model's description, be answered so, and all else as before."""
    answer = fake_predictor.answer

    def refusing(handler, request):
        if request.verb == "GET":
            return send_reply(handler, status, body)
        return answer(handler, request)

    fake_predictor.answer = refusing


@pytest.mark.parametrize("status", [400, 404, 405, 415, 422, 501])
def test_a_v1_predictor_may_refuse_v2s_path_in_its_own_way(status, explainer, fake_predictor, send_reply):
    refuse_description(fake_predictor, send_reply, status, b"no such thing")
    assert explained(explainer()) == [[0.0, 3.0]]


@pytest.mark.parametrize(
    ("protocol", "status", "error"),
    [("v1", 401, Unauthorized), ("v1", 403, Forbidden), ("v1", 429, Unavailable), ("v2", 400, BadInput)],
)
def test_what_says_nothing_of_v2_is_the_clients_to_hear(protocol, status, error, explainer, fake_predictor, send_reply):
    refuse_description(fake_predictor, send_reply, status, b'{"error": "not for you"}')
    with pytest.raises(error, match="not for you"):
        explained(explainer(predictor_protocol=protocol))


def test_a_cancelled_explanation_asks_the_predictor_nothing_more(explainer, fake_predictor):
    release, asked = threading.Event(), threading.Event()
    answer = fake_predictor.answer

    def held(handler, request):
        if request.path == PREDICT:
            asked.set()
            release.wait(5)
        answer(handler, request)

    fake_predictor.answer = held
    made = explainer(concurrency=1)

    async def cancelled():
        call = asyncio.create_task(posted(made))
        await asyncio.to_thread(asked.wait, 5)
        call.cancel()
        await asyncio.wait([call])
        calls = len(fake_predictor.requests)
        release.set()
        # The one thread takes this when it is done with what was cancelled.
        await posted(made)
        return call, calls

    call, before = asyncio.run(cancelled())
    assert call.cancelled()
    whole = len(fake_predictor.requests) - before
    explained(made)
    assert len(fake_predictor.requests) - before == 2 * whole


DESCRIBED = {
    "name": "forest",
    "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}],
    "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 2]}],
    "stages": [{"name": "y", "kind": "module", "shape": [2], "options": {}}],
    "input_range": [0, 1],
    "model_digest": "",
    "extensions": ["vector_jacobian_product"],
}


def versions(fake_predictor, send_reply, described, answering):
    """The predictor describes one version after the other, and answers by others; each list's last one stays."""

    def following(digests):
        return digests.pop(0) if len(digests) > 1 else digests[0]

    def answer(handler, request):
        if request.verb == "GET":
            body = DESCRIBED | {"model_digest": following(described)}
        else:
            length = int(request.headers["inference-header-content-length"])
            rows = json.loads(request.body[:length])["inputs"][0]["shape"][0]
            output = {"name": "y", "datatype": "FP32", "shape": [rows, 2], "data": [0.25, 0.75] * rows}
            body = {"parameters": {"model_digest": following(answering)}, "outputs": [output]}
        send_reply(handler, 200, json.dumps(body).encode())

    fake_predictor.answer = answer


def test_an_explanation_of_two_versions_is_started_again(explainer, fake_predictor, send_reply):
    made = explainer()
    old, new = "a" * 64, "b" * 64
    versions(fake_predictor, send_reply, [old, new], [old, new])
    assert json.loads(asyncio.run(posted(made)).body)["model"]["digest"] == new


def test_and_refused_where_the_model_changes_again(explainer, fake_predictor, send_reply):
    made = explainer()
    old, new, newest = "a" * 64, "b" * 64, "c" * 64
    versions(fake_predictor, send_reply, [old, new, newest], [new, newest])
    with pytest.raises(Unavailable, match="changed twice during the explanation"):
        explained(made)


def test_in_a_rollout_whose_versions_share_the_connections_no_explanation_is_refused(
    explainer, fake_predictor, send_reply
):
    versions(fake_predictor, send_reply, ["a" * 64], ["a" * 64])
    by_version = [fake_predictor.answer]
    versions(fake_predictor, send_reply, ["b" * 64], ["b" * 64])
    by_version.append(fake_predictor.answer)
    connections = []

    def by_connection(handler, request):
        """Every other connection leads to the other version's pod, as a Service's do."""
        if handler.connection not in connections:
            connections.append(handler.connection)
        by_version[connections.index(handler.connection) % 2](handler, request)

    fake_predictor.answer = by_connection
    made = explainer(concurrency=4)

    async def many():
        return await asyncio.gather(*[posted(made) for _ in range(40)])

    digests = [json.loads(answer.body)["model"]["digest"] for answer in asyncio.run(many())]
    assert set(digests) == {"a" * 64, "b" * 64}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b'{"predictions": [' + b"[]," * 2_000_001 + b"[]]}", "2000003 arrays; expected at most 2000000"),
        (b'{"predictions": ["' + b"x" * 2**25 + b'"]}', "expected at most 33554432"),
        (b'{"predictions": [' + b"{}," * 100_001 + b"{}]}", "objects; expected at most 100000"),
    ],
    ids=["arrays", "bytes", "objects"],
)
def test_a_predictors_json_is_limited_before_it_is_parsed(body, sentence, explainer, fake_predictor, send_reply):
    made = explainer()
    explained(made)
    fake_predictor.answer = lambda handler, request: send_reply(handler, 200, body)
    with pytest.raises(BadGateway, match=f"the predictor's answer is not V1's: the JSON has .*{sentence}"):
        explained(made)


def test_no_address_is_named_where_the_predictor_is_gone(explainer, fake_predictor, monkeypatch):
    monkeypatch.setattr("captum_explainer.predictor_client.transport.RETRY_SECONDS", 0.1)
    made = explainer()
    explained(made)
    fake_predictor.close()
    made.predictors._idle.clear()
    with pytest.raises(Unavailable) as failure:
        explained(made)
    assert "127.0.0.1" not in failure.value.sentence
