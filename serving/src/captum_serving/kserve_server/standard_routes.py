"""KServe's own paths that every server has: those of kserve's REST server that answer here, and no others.

They come after the models' own routes, which may answer at the same paths in their place.
"""

import orjson
from starlette.responses import Response

from captum_serving.boundary.route import Request, Route
from captum_serving.errors import Unavailable
from captum_serving.kserve_server.data_plane import FixedRepository, TruthfulDataPlane
from captum_serving.process.metrics import metrics


def standard_routes(data_plane: TruthfulDataPlane, repository: FixedRepository) -> list[Route]:
    """Make the routes that ask these two."""
    standard = StandardRoutes(data_plane, repository)
    return [
        Route("GET", "/", standard.alive),
        Route("GET", "/metrics", metrics),
        Route("GET", "/v1/models", standard.list_models),
        Route("GET", "/v1/models/{model}", standard.model_ready),
        Route("GET", "/v2", standard.describe_server),
        Route("GET", "/v2/health/live", standard.live),
        Route("GET", "/v2/health/ready", standard.ready),
        Route("GET", "/v2/models", standard.list_models),
        Route("GET", "/v2/models/{model}", standard.describe_model),
        Route("GET", "/v2/models/{model}/ready", standard.model_ready),
        Route("POST", "/v2/repository/models/{model}/load", standard.load),
        Route("POST", "/v2/repository/models/{model}/unload", standard.load),
    ]


class StandardRoutes:
    """The handlers, one a route."""

    def __init__(self, data_plane: TruthfulDataPlane, repository: FixedRepository) -> None:
        self._data_plane = data_plane
        self._repository = repository

    async def alive(self, request: Request) -> Response:
        """Answer that the process serves."""
        return _json(await self._data_plane.live())

    async def live(self, request: Request) -> Response:
        """Answer V2's form of the same."""
        return _json({"live": True})

    async def ready(self, request: Request) -> Response:
        """Answer that every model is ready.

        Raises:
            Unavailable: One is not.
        """
        if not await self._data_plane.ready():
            raise Unavailable("Server is not ready.")
        return _json({"ready": True})

    async def model_ready(self, request: Request) -> Response:
        """Answer that one model is ready.

        Raises:
            NotFound: There is no such model.
            Unavailable: It is not ready.
        """
        name = request.path_params["model"]
        if not await self._data_plane.model_ready(name):
            raise Unavailable(f"Model with name {name} is not ready.")
        return _json({"name": name, "ready": True})

    async def list_models(self, request: Request) -> Response:
        """Answer with the models' names."""
        return _json({"models": list(self._data_plane.model_registry.get_models())})

    async def describe_server(self, request: Request) -> Response:
        """Answer with the server's name and version."""
        return _json(self._data_plane.metadata())

    async def describe_model(self, request: Request) -> Response:
        """Answer with a model's inputs and outputs; raises NotFound."""
        described = await self._data_plane.model_metadata(request.path_params["model"])
        order = ("name", "versions", "platform", "inputs", "outputs")
        return _json({key: described.get(key) for key in order})

    async def load(self, request: Request) -> Response:
        """Load or unload a model.

        Raises:
            Forbidden: Always.
        """
        await self._repository.load(request.path_params["model"])


def _json(document: object) -> Response:
    return Response(orjson.dumps(document), media_type="application/json")
