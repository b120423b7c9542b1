import asyncio
import json

import httpx
import numpy as np
import pytest
from captum_predictor.engine.engine import Engine
from captum_predictor.engine.lanes import Lanes
from captum_predictor.kinds.load import load_kind
from captum_predictor.protocol.inference import Limits
from captum_predictor.server.routes import build_routes
from captum_predictor.server.service import Service
from captum_serving.boundary.front import build_application
from captum_serving.boundary.limits import Bodies
from captum_serving.limits import DEFAULT_LIMITS
from captum_serving.protocol import wire

from tests.support.tiny_transformers import save_tiny

MODEL = "/v2/models/tiny"


@pytest.fixture(scope="session")
def tiny_directory(tmp_path_factory):
    """Gives the directory of a tiny model by its family and task; each is made once."""
    made = {}

    def directory(family, task):
        if (family, task) not in made:
            made[family, task] = save_tiny(tmp_path_factory.mktemp("text") / f"{family}-{task}", family, task)
        return made[family, task]

    return directory


class Served:
    """A model's app in this process: what is sent to it goes through the routes."""

    def __init__(self, kind, lanes, limits):
        self.kind = kind
        self.service = Service("tiny", kind, Engine(lanes, "cpu"), limits)
        self.app = build_application(build_routes(self.service), "predictor", Bodies(DEFAULT_LIMITS))

    def request(self, method, path, content=b"", **headers):
        async def send():
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://predictor") as client:
                named = {name.replace("_", "-"): value for name, value in headers.items()}
                return await client.request(method, path, content=content, headers=named)

        return asyncio.run(send())

    def predict(self, *instances):
        return self.predict_body({"instances": instances})

    def predict_body(self, document):
        response = self.request("POST", "/v1/models/tiny:predict", json.dumps(document).encode())
        return response.status_code, response.json()

    def infer(self, parameters=None, binary=True, **tensors):
        """A V2 request of these arrays: its status, and its output tensors or its error."""
        arrays = {name: strings(value) if isinstance(value, list) else value for name, value in tensors.items()}
        document = {"parameters": {"binary_data_output": binary, **(parameters or {})}}
        body, length = wire.encode(document, arrays, "inputs", binary)
        headers = {} if length is None else {wire.HEADER_LENGTH: str(length)}
        response = self.request("POST", MODEL + "/infer", body, **headers)
        if response.status_code != 200:
            return response.status_code, response.json()["error"]
        answered = wire.decode(response.content, response.headers.get(wire.HEADER_LENGTH), "outputs", strings=str)
        assert answered.parameters["model_digest"] == self.kind.model.digest
        return 200, answered.tensors

    def tokens(self, *texts, **more):
        status, tensors = self.infer({"sink": "tokens"}, text=list(texts), **more)
        assert status == 200, tensors
        return tensors

    def network_inputs(self, *texts, **more):
        """What the network takes of the texts' tokens: ids, and what stands beside them."""
        tensors = self.tokens(*texts, **more)
        return {name: tensors[name] for name in self.kind.model.sizes}


def strings(values):
    array = np.empty(len(values), object)
    array[:] = values
    return array


@pytest.fixture(scope="session")
def lanes():
    made = Lanes(2, 10_000, 2)
    yield made
    made.stop()


@pytest.fixture(scope="session")
def serve_kind(lanes):
    """Serves a kind in this process."""
    return lambda kind: Served(kind, lanes, Limits(100, 1_000_000))


@pytest.fixture(scope="session")
def serve_directory(serve_kind):
    """Serves a model directory in this process."""
    return lambda directory: serve_kind(load_kind(directory))


@pytest.fixture(scope="session")
def serve(tiny_directory, lanes):
    """Serves a tiny model by its family and task, in this process."""
    kinds = {}

    def start(family, task, answer_bytes=1_000_000):
        if (family, task) not in kinds:
            kinds[family, task] = load_kind(tiny_directory(family, task))
        return Served(kinds[family, task], lanes, Limits(100, answer_bytes))

    return start


@pytest.fixture
def bert(serve):
    return serve("bert", "sequence")


@pytest.fixture
def roberta(serve):
    return serve("roberta", "sequence")
