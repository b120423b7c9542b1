"""Our HTTP application: routes, limits around them, and every error as one of our sentences."""

import logging
from collections.abc import Iterable, Sequence

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.requests import Request as StarletteRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route as StarletteRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from captum_serving.boundary.hang_ups import Disconnected
from captum_serving.boundary.limits import Bodies, Body, refuse_encoded
from captum_serving.boundary.route import Handler, Request, Route
from captum_serving.errors import Internal, NotAllowed, NotFound, ServingError

logger = logging.getLogger("captum_serving")


def build_application(
    routes: Iterable[Route], server: str, bodies: Bodies, middleware: Sequence[Middleware] = ()
) -> FastAPI:
    """Build the application that serves `routes`; if two have the same method and path, the first one counts.

    A 404 names the `server`, so that a client that asked the wrong one of the two can tell. The `middleware` sees every
    request and the status of every answer.

    FastAPI is a Starlette application that also reports to OpenTelemetry if that is set up. Nothing else of FastAPI is
    used: the routes are Starlette's, and have no descriptions.
    """
    by_path: dict[str, dict[str, Handler]] = {}
    for route in routes:
        by_path.setdefault(route.path, {}).setdefault(route.method, route.handler)
    app = FastAPI(
        openapi_url=None,
        redirect_slashes=False,
        routes=[StarletteRoute(path, Endpoint(handlers)) for path, handlers in by_path.items()],
        middleware=[*middleware, Middleware(Boundary, bodies=bodies)],
    )

    async def answer_not_found(request: StarletteRequest, error: Exception) -> Response:
        path = request.url.path[:200]
        return make_error_response(NotFound(f"the {server} has nothing at {path}; GET /v1/models lists the models"))

    app.add_exception_handler(404, answer_not_found)
    return app


def make_error_response(error: ServingError) -> JSONResponse:
    """Make the response `{"error": sentence}` with the error's status and headers."""
    return JSONResponse({"error": error.sentence}, error.http_status, error.headers)


class Endpoint:
    """ASGI application for one path: the request's method chooses the handler. HEAD goes to GET's."""

    def __init__(self, handlers: dict[str, Handler]) -> None:
        self._handlers = {"HEAD": handlers["GET"], **handlers} if "GET" in handlers else handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        Raises:
            NotAllowed: Its method is not offered here.
        """
        request = Request(scope, receive)
        handler = self._handlers.get(request.method)
        if handler is None:
            allowed = ", ".join(sorted(self._handlers))
            raise NotAllowed(
                f"{request.method} is not possible at {request.url.path[:200]}; expected {allowed}", allowed
            )
        response = await handler(request)
        await response(scope, receive, send)


class Boundary:
    """ASGI middleware: limits the body, lets pass what no handler has read, and makes a response of what is raised."""

    def __init__(self, app: ASGIApp, bodies: Bodies) -> None:
        self.app = app
        self.bodies = bodies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = scope["body"] = Body(receive, self.bodies)
        started = False

        async def send_after_body(message: Message) -> None:
            nonlocal started
            if not started:
                await body.drain()
            started = True
            await send(message)

        try:
            try:
                refuse_encoded(scope)
                await self.app(scope, body.receive, send_after_body)
            except ServingError as error:
                await make_error_response(error)(scope, receive, send_after_body)
        except Disconnected:
            return
        except Exception:
            # Starlette's own handler for Exception raises the error again, and uvicorn would log it a second time.
            logger.exception("unexpected error at %s %s", scope["method"], scope["path"])
            if not started:
                await make_error_response(Internal("the server failed; its log says why"))(scope, receive, send)
        finally:
            body.release()
