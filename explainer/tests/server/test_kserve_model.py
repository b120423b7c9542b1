import asyncio
import json
import pickle

import httpx
import pytest
from captum_explainer.server.kserve_model import KserveModel
from captum_explainer.server.options import compose_settings
from captum_serving.boundary.front import build_application
from captum_serving.boundary.limits import Bodies
from captum_serving.limits import DEFAULT_LIMITS

DOCUMENT = {"instances": [[0.0, 1.0]], "parameters": {"method": "feature_ablation", "target": 1}}


@pytest.fixture
def model(fake_predictor, send_reply):
    """The model of a V1 predictor that scores [x0, 2 x0 + 3 x1]."""

    def answer(handler, request):
        if request.path != "/v1/models/forest:predict":
            return send_reply(handler, 404, b"{}")
        rows = json.loads(request.body)["instances"]
        return send_reply(handler, 200, json.dumps({"predictions": [[a, 2 * a + 3 * b] for a, b in rows]}).encode())

    fake_predictor.answer = answer
    return KserveModel(
        compose_settings(model_name="forest", predictor_host=fake_predictor.host, max_steps=7, defaults={"seed": 3})
    )


def post(model, path, bodies=None, **arguments):
    async def send():
        app = build_application(model.routes(), "explainer", bodies or Bodies(DEFAULT_LIMITS))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://explainer") as client:
            return await client.post(path, **arguments)

    return asyncio.run(send())


def explained(model):
    return post(model, "/v1/models/forest:explain", json=DOCUMENT).json()


def test_pickled_it_is_a_working_model_of_the_same_settings(model):
    first = explained(model)
    assert first["explanations"] == [[0.0, 3.0]]  # its threads and connections are in use, and do not go along
    copy = pickle.loads(pickle.dumps(model))
    assert isinstance(copy, KserveModel)
    assert (copy.name, copy.ready) == ("forest", True)
    assert asyncio.run(copy.healthy())
    again = explained(copy)
    assert (again["explanations"], again["parameters"]) == (first["explanations"], first["parameters"])
    assert again["parameters"]["seed"] == 3


@pytest.mark.parametrize("path", ["/v1/models/oak:explain", "/v1/models/oak:predict", "/v2/models/oak/explain"])
def test_no_byte_is_kept_of_a_body_for_another_model(model, path):
    bodies, held = Bodies(DEFAULT_LIMITS), []

    async def body():
        for _ in range(10):
            held.append(bodies.held)
            yield b"x" * 1000

    response = post(model, path, bodies, content=body())
    assert (response.status_code, held) == (404, [0] * 10)
