"""KServe's standard paths, which both servers have; kserve's other paths are not served.

They come after the models' own routes, so a model's route replaces a standard one with the same path.
"""

import orjson
from starlette.responses import Response

from captum_serving.boundary.route import Request, Route
from captum_serving.errors import Unavailable
from captum_serving.kserve_server.data_plane import FixedRepository, TruthfulDataPlane
from captum_serving.process.metrics import write_metrics


def build_standard_routes(data_plane: TruthfulDataPlane, repository: FixedRepository) -> list[Route]:
    """Make the standard routes."""
    standard = StandardRoutes(data_plane, repository)
    return [
        Route("GET", "/", standard.report_alive),
        Route("GET", "/metrics", write_metrics),
        Route("GET", "/v1/models", standard.list_models),
        Route("GET", "/v1/models/{model}", standard.report_model_ready),
        Route("GET", "/v2", standard.describe_server),
        Route("GET", "/v2/health/live", standard.report_live),
        Route("GET", "/v2/health/ready", standard.report_ready),
        Route("GET", "/v2/models", standard.list_models),
        Route("GET", "/v2/models/{model}", standard.describe_model),
        Route("GET", "/v2/models/{model}/ready", standard.report_model_ready),
        Route("POST", "/v2/repository/models/{model}/load", standard.refuse_load),
        Route("POST", "/v2/repository/models/{model}/unload", standard.refuse_load),
    ]


class StandardRoutes:
    """The handlers, one for each route."""

    def __init__(self, data_plane: TruthfulDataPlane, repository: FixedRepository) -> None:
        self._data_plane = data_plane
        self._repository = repository

    async def report_alive(self, request: Request) -> Response:
        """Answer that the process serves."""
        return _make_json(await self._data_plane.live())

    async def report_live(self, request: Request) -> Response:
        """Answer the same in V2's form."""
        return _make_json({"live": True})

    async def report_ready(self, request: Request) -> Response:
        """Answer that every model is ready.

        Raises:
            Unavailable: One is not.
        """
        if not await self._data_plane.ready():
            raise Unavailable("Server is not ready.")
        return _make_json({"ready": True})

    async def report_model_ready(self, request: Request) -> Response:
        """Answer that one model is ready.

        Raises:
            NotFound: There is no such model.
            Unavailable: It is not ready.
        """
        name = request.path_params["model"]
        if not await self._data_plane.model_ready(name):
            raise Unavailable(f"Model with name {name} is not ready.")
        return _make_json({"name": name, "ready": True})

    async def list_models(self, request: Request) -> Response:
        """Answer with the models' names."""
        return _make_json({"models": list(self._data_plane.model_registry.get_models())})

    async def describe_server(self, request: Request) -> Response:
        """Answer with the server's name and version."""
        return _make_json(self._data_plane.metadata())

    async def describe_model(self, request: Request) -> Response:
        """Answer with a model's inputs and outputs; raises NotFound."""
        described = await self._data_plane.model_metadata(request.path_params["model"])
        order = ("name", "versions", "platform", "inputs", "outputs")
        return _make_json({key: described.get(key) for key in order})

    async def refuse_load(self, request: Request) -> Response:
        """Refuse to load or unload a model.

        Raises:
            Forbidden: Always.
        """
        await self._repository.load(request.path_params["model"])


def _make_json(document: object) -> Response:
    return Response(orjson.dumps(document), media_type="application/json")
