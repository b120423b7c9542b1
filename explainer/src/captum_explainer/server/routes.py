"""The HTTP paths: each reads a body, asks the explainer, and writes an answer."""

import orjson
from captum_serving.boundary.hang_ups import Disconnected, while_connected
from captum_serving.boundary.route import Handler, Request, Route
from captum_serving.errors import NotAllowed, NotFound, ServingError, Unavailable
from captum_serving.protocol.wire import HEADER_LENGTH
from starlette.responses import Response

from captum_explainer.formats import dispatch, torchserve, v2
from captum_explainer.formats.request import Incoming, Read
from captum_explainer.predictor_client.transport import select_forwarded
from captum_explainer.server.metrics import CLIENT_GONE, RESPONSES
from captum_explainer.server.service import Explainer
from captum_explainer.settings import Settings


def build_routes(explainer: Explainer) -> list[Route]:
    """Make the routes that ask `explainer`."""
    handlers = Handlers(explainer)
    explain = handlers.serve("explain", handlers.explain(dispatch.read))
    explanations = handlers.serve("explanations", handlers.explain(torchserve.read))
    methods = handlers.serve("methods", handlers.methods)
    v1, v2_model, torchserve_model = "/v1/models/{model}", "/v2/models/{model}", "/explanations/{model}"
    return [
        Route("POST", v1 + ":explain", explain),
        Route("GET", v1 + ":explain", methods),
        Route("GET", v1 + "/methods", methods),
        Route("POST", v1 + ":predict", handlers.serve("predict", handlers.predict)),
        Route("GET", v1 + ":predict", refuse_get),
        Route("POST", torchserve_model, explanations),
        Route("PUT", torchserve_model, explanations),
        Route("POST", torchserve_model + "/{version}", explanations),
        Route("PUT", torchserve_model + "/{version}", explanations),
        Route("POST", v2_model + "/explain", handlers.serve("v2_explain", handlers.explain(v2.read))),
        Route("POST", v2_model + "/infer", refer_to_predictor),
        Route("GET", v2_model + "/versions/{rest:path}", refer_to_predictor),
        Route("POST", v2_model + "/versions/{rest:path}", refer_to_predictor),
    ]


class Handlers:
    """The handlers that ask the explainer."""

    def __init__(self, explainer: Explainer) -> None:
        self._explainer = explainer

    def serve(self, path: str, handler: Handler) -> Handler:
        """Make the handler that serves `path`.

        It counts the responses. Before it reads a body, it checks that the explainer is ready and has the model.
        """

        async def respond(request: Request) -> Response:
            status = 500
            try:
                # Envoy sends traffic to pods that are not ready when there are no others.
                if not await self._explainer.healthy():
                    raise Unavailable(f"the predictor of {self._explainer.name!r} has not answered yet; try again")
                self._explainer.check_name(request.path_params["model"])
                response = await handler(request)
                status = response.status_code
                return response
            except ServingError as error:
                status = error.http_status
                raise
            except Disconnected:
                status = CLIENT_GONE
                raise
            finally:
                RESPONSES.labels(path, status).inc()

        return respond

    def explain(self, read: Read) -> Handler:
        """Make the handler for requests that `read` can read. The request decides how it is answered."""

        async def explain(request: Request) -> Response:
            _check_version(request, self._explainer.settings)
            work = self._explainer.answer(await _read_incoming(request), read)
            answer = await while_connected(request, work)
            return Response(answer.body, headers=dict(answer.headers), media_type=answer.media_type)

        return explain

    async def methods(self, request: Request) -> Response:
        """GET /v1/models/{name}:explain and /v1/models/{name}/methods."""
        catalogue = await self._explainer.list_methods(select_forwarded(request.headers))
        return Response(orjson.dumps(catalogue), media_type="application/json")

    async def predict(self, request: Request) -> Response:
        """POST /v1/models/{name}:predict, passed on to the predictor."""
        headers = select_forwarded(request.headers, "content-type")
        work = self._explainer.predict(await request.body(), headers)
        reply = await while_connected(request, work)
        return Response(reply.body, reply.status, media_type=reply.headers.get("content-type", "application/json"))


async def refer_to_predictor(request: Request) -> Response:
    """V2's inference and versions: the 404 says that the predictor has them.

    Raises:
        NotFound: Always.
    """
    raise NotFound(
        f"{request.url.path[:200]} is the predictor's; the explainer has :explain, :predict, /methods and V2's /explain"
    )


async def refuse_get(request: Request) -> Response:
    """GET /v1/models/{name}:predict.

    Raises:
        NotAllowed: Always.
    """
    raise NotAllowed(f"{request.method} is not possible at {request.url.path[:200]}; expected POST", "POST")


async def _read_incoming(request: Request) -> Incoming:
    headers = request.headers
    return Incoming(
        await request.body(),
        headers.get("content-type", ""),
        headers.get("accept", "").lower(),
        headers.get(HEADER_LENGTH),
        select_forwarded(headers),
    )


def _check_version(request: Request, settings: Settings) -> None:
    version = request.path_params.get("version", settings.model_version)
    if version != settings.model_version:
        raise NotFound(
            f"there is no version {version[:100]!r} of the model; this server explains {settings.model_version!r} "
            "(its --model_version)"
        )
