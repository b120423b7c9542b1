"""The HTTP paths: each reads a body, asks the explainer, and writes an answer.

They are registered when this module is imported, which every worker does, and before kserve's own, which they replace:
kserve echoes a request's headers in an explanation's response, and hands a body that is not called JSON on unparsed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import orjson
from captum_serving.boundary import front
from captum_serving.boundary.hang_ups import Disconnected, while_connected
from captum_serving.errors import NotAllowed, NotFound, ServingError, Unavailable
from captum_serving.process.metrics import metrics
from captum_serving.protocol.wire import HEADER_LENGTH
from kserve.model_server import app
from starlette.requests import Request
from starlette.responses import Response

from captum_explainer.formats import dispatch, torchserve, v2
from captum_explainer.formats.request import Incoming, Read
from captum_explainer.predictor_client.transport import select_forwarded
from captum_explainer.server.metrics import CLIENT_GONE, RESPONSES
from captum_explainer.settings import Settings

if TYPE_CHECKING:
    from captum_explainer.server.service import Explainer

Handler = Callable[[Request], Awaitable[Response]]


def serve(explainer: Explainer) -> None:
    """Make `explainer` the one that the routes of this process ask."""
    app.state.explainer = explainer
    front.install(app, "explainer", explainer.settings.limits.max_body_bytes)


def explain(read: Read) -> Handler:
    """A path whose requests `read` reads; they choose how they are answered."""

    async def explain(request: Request) -> Response:
        explainer = await _ready()
        _check_version(request, explainer.settings)
        answer = await while_connected(request, explainer.answer(_name(request), await _incoming(request), read))
        return Response(answer.body, headers=dict(answer.headers), media_type=answer.media_type)

    return explain


async def methods(request: Request) -> Response:
    """GET /v1/models/{name}:explain and /v1/models/{name}/methods."""
    catalogue = await (await _ready()).methods(_name(request), select_forwarded(request.headers))
    return Response(orjson.dumps(catalogue), media_type="application/json")


async def predict(request: Request) -> Response:
    """POST /v1/models/{name}:predict, passed on to the predictor."""
    explainer = await _ready()
    body = await request.body()
    headers = select_forwarded(request.headers, "content-type")
    reply = await while_connected(request, explainer.prediction(_name(request), body, headers))
    return Response(reply.body, reply.status, media_type=reply.headers.get("content-type", "application/json"))


async def elsewhere(request: Request) -> Response:
    """V2's inference and versions, for which kserve would call the explainer a model that fails.

    Raises:
        NotFound: Always.
    """
    raise NotFound(
        f"{request.url.path[:200]} is the predictor's; the explainer has :explain, :predict, /methods and V2's /explain"
    )


async def only_post(request: Request) -> Response:
    """GET /v1/models/{name}:predict, which kserve would take for a model's name.

    Raises:
        NotAllowed: Always.
    """
    raise NotAllowed(f"{request.method} is not possible at {request.url.path[:200]}; expected POST")


async def _incoming(request: Request) -> Incoming:
    headers = request.headers
    return Incoming(
        await request.body(),
        headers.get("content-type", ""),
        headers.get("accept", "").lower(),
        headers.get(HEADER_LENGTH),
        select_forwarded(headers),
    )


def _name(request: Request) -> str:
    return str(request.path_params["model_name"])


def _check_version(request: Request, settings: Settings) -> None:
    version = request.path_params.get("version", settings.model_version)
    if version != settings.model_version:
        raise NotFound(
            f"there is no version {version[:100]!r} of the model; this server explains {settings.model_version!r} "
            "(its --model_version)"
        )


async def _ready() -> Explainer:
    explainer: Explainer = app.state.explainer
    # Envoy sends traffic to pods that are not ready when there are no others.
    if not await explainer.healthy():
        raise Unavailable(f"the predictor of {explainer.name!r} has not answered yet; try again")
    return explainer


def _counted(path: str, handler: Handler) -> Handler:
    async def counted(request: Request) -> Response:
        status = 500
        try:
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

    return counted


app.add_route("/metrics", metrics, methods=["GET"])
app.add_route("/v1/models/{model_name}:explain", _counted("explain", explain(dispatch.read)), methods=["POST"])
app.add_route("/v1/models/{model_name}:explain", _counted("methods", methods), methods=["GET"])
app.add_route("/v1/models/{model_name}/methods", _counted("methods", methods), methods=["GET"])
app.add_route("/v1/models/{model_name}:predict", _counted("predict", predict), methods=["POST"])
app.add_route("/v1/models/{model_name}:predict", only_post, methods=["GET"])
explanations = _counted("explanations", explain(torchserve.read))
app.add_route("/explanations/{model_name}", explanations, methods=["POST", "PUT"])
app.add_route("/explanations/{model_name}/{version}", explanations, methods=["POST", "PUT"])
app.add_route("/v2/models/{model_name}/explain", _counted("v2_explain", explain(v2.read)), methods=["POST"])
app.add_route("/v2/models/{model_name}/infer", elsewhere, methods=["POST"])
app.add_route("/v2/models/{model_name}/versions/{rest:path}", elsewhere, methods=["GET", "POST"])
