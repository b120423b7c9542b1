"""The predictor's REST routes; KServe's standard ones come after them."""

from importlib import metadata
from typing import Any

import orjson
from captum_serving.boundary.hang_ups import while_connected
from captum_serving.boundary.route import Request, Route
from captum_serving.errors import Forbidden, NotFound
from captum_serving.protocol import wire
from captum_serving.protocol.extension_names import BINARY_TENSOR_DATA, EXTENSION_KEY, VECTOR_JACOBIAN_PRODUCT
from starlette.responses import Response

from captum_predictor.server.metrics import count_request
from captum_predictor.server.service import Service

VERSION = metadata.version("kserve-captum-predictor")


def build_routes(service: Service) -> list[Route]:
    """Make the routes that serve `service`; the most frequent are first, because they are tried in this order."""
    handlers = Handlers(service)
    v1, v2 = "/v1/models/{model}", "/v2/models/{model}"
    version = v2 + "/versions/{version}"
    return [
        Route("POST", v2 + "/infer", handlers.infer),
        Route("POST", v1 + ":predict", handlers.predict),
        Route("POST", v1 + ":explain", handlers.refuse_explain),
        Route("GET", v1, handlers.report_ready),
        Route("GET", v2, handlers.describe_model),
        Route("GET", version, handlers.describe_model),
        Route("GET", v2 + "/ready", handlers.report_ready),
        Route("GET", version + "/ready", handlers.report_ready),
        Route("POST", version + "/infer", handlers.infer),
        Route("POST", "/v2/repository/{rest:path}", handlers.refuse_repository),
        Route("GET", "/v2", handlers.describe_server),
    ]


class Handlers:
    """The handlers, one for each route."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def predict(self, request: Request) -> Response:
        """`POST /v1/models/{model}:predict`."""
        with count_request("v1_predict"):
            self._require(request)
            probabilities = await while_connected(request, self._service.predict(await request.body()))
            return _make_json({"predictions": probabilities})

    async def infer(self, request: Request) -> Response:
        """`POST /v2/models/{model}/infer`, in JSON or binary."""
        with count_request("v2_infer"):
            self._require(request)
            header_length = request.headers.get(wire.HEADER_LENGTH)
            key = request.headers.get(EXTENSION_KEY)
            work = self._service.infer(await request.body(), header_length, key)
            body, answer_header_length = await while_connected(request, work)
            if answer_header_length is None:
                return Response(body, media_type="application/json")
            headers = {wire.HEADER_LENGTH: str(answer_header_length)}
            return Response(body, headers=headers, media_type="application/octet-stream")

    async def describe_model(self, request: Request) -> Response:
        """`GET /v2/models/{model}`."""
        self._require(request)
        trusted = self._service.trusts(request.headers.get(EXTENSION_KEY))
        return _make_json(self._service.describe_model(trusted=trusted))

    async def report_ready(self, request: Request) -> Response:
        """`GET /v1/models/{model}` and `GET /v2/models/{model}/ready`."""
        self._require(request)
        ready = self._service.is_ready()
        return _make_json({"name": self._service.name, "ready": ready}, 200 if ready else 503)

    async def describe_server(self, request: Request) -> Response:
        """`GET /v2`: what a client may use."""
        extensions = [BINARY_TENSOR_DATA, VECTOR_JACOBIAN_PRODUCT]
        return _make_json({"name": "kserve-captum-predictor", "version": VERSION, "extensions": extensions})

    async def refuse_explain(self, request: Request) -> Response:
        """`POST /v1/models/{model}:explain`: not here.

        Raises:
            NotFound: Always.
        """
        self._require(request)
        raise NotFound("this is the predictor; explanations are the explainer's: send :explain there")

    async def refuse_repository(self, request: Request) -> Response:
        """`POST /v2/repository/...`: refused.

        Raises:
            Forbidden: Always.
        """
        raise Forbidden(
            "models are loaded when the server starts; the repository's index, load and unload are not offered"
        )

    def _require(self, request: Request) -> None:
        self._service.require(request.path_params["model"], request.path_params.get("version"))


def _make_json(document: Any, status: int = 200) -> Response:  # noqa: ANN401 - JSON is any value
    return Response(orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY), status, media_type="application/json")
