"""The HTTP boundary: no request over the limit comes in, and nothing but our own sentences goes out as an error.

kserve registers its handlers after ours and replaces one for `Exception`, so unexpected errors are caught here, where
Starlette would call that one. Our own routes are found here too, and called without what stands around kserve's: most
of a small request's time goes there.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from captum_serving.boundary.hang_ups import Disconnected
from captum_serving.boundary.limits import read_body, refuse_encoded
from captum_serving.errors import BadInput, Internal, NotAllowed, NotFound, ServingError

Endpoint = Callable[[Request], Awaitable[Response]]

logger = logging.getLogger("captum_serving")


def install(app: FastAPI, server: str, max_body_bytes: int) -> None:
    """Put the boundary around `app`: call it where the routes are registered, at import.

    `server` is what a 404 calls it: where routes go wrong, a client has to know which of the two has answered.
    """
    app.state.server = server
    build = app.build_middleware_stack

    def build_in_boundary() -> ASGIApp:
        # In the place of Starlette's ServerErrorMiddleware, the outermost.
        within: ASGIApp = build().app  # type: ignore[attr-defined]
        # What kserve puts around the routes, timing or an access log, sees requests that go through the whole.
        ours = [] if app.user_middleware else [route for route in app.routes if type(route) is Route]
        return Boundary(within, ours, max_body_bytes)

    app.build_middleware_stack = build_in_boundary  # type: ignore[method-assign]
    app.add_exception_handler(ServingError, _serving_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _http_error)
    app.router.redirect_slashes = False
    # FastAPI's description of kserve's routes: ours are not in it, and some of those that are go nowhere here.
    described = (app.openapi_url, app.docs_url, app.redoc_url, app.swagger_ui_oauth2_redirect_url)
    app.router.routes[:] = [route for route in app.router.routes if getattr(route, "path", None) not in described]


def error_response(error: ServingError) -> JSONResponse:
    """`{"error": sentence}` with the error's status, and Retry-After where a later try may work."""
    headers = {} if error.retry_after_seconds is None else {"Retry-After": str(error.retry_after_seconds)}
    return JSONResponse({"error": error.sentence}, error.http_status, headers)


async def _serving_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ServingError)
    return error_response(error)


async def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 400
    path = request.url.path[:200]
    if status == 404:
        return error_response(
            NotFound(f"the {request.app.state.server} has nothing at {path}; GET /v1/models lists the models")
        )
    if status == 405:
        return error_response(NotAllowed(f"{request.method} is not possible at {path}"))
    return error_response(BadInput("the request is malformed; expected a JSON object"))


class Boundary:
    """ASGI middleware: reads the body up to a limit, hands it on whole, and turns what is raised into a response.

    A request goes to the first of the `routes` that takes its method and path, and any other to `app`.
    """

    def __init__(self, app: ASGIApp, routes: Sequence[Route], max_body_bytes: int) -> None:
        self.app = app
        self.max_body_bytes = max_body_bytes
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def observed_send(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            body = await read_body(receive, self.max_body_bytes)
            refuse_encoded(scope)
            endpoint = self._endpoint(scope)
            if endpoint is None:
                await self.app(scope, _replay(body, receive), observed_send)
                return
            request = Request(scope, receive)
            request._body = body  # what body() gives: its own way to it makes a copy
            response = await endpoint(request)
            await response(scope, receive, observed_send)
        except Disconnected:
            return
        except ServingError as error:
            await error_response(error)(scope, receive, send)
        except Exception:
            logger.exception("unexpected error at %s %s", scope["method"], scope["path"])
            if not started:
                await error_response(Internal("the server failed; its log says why"))(scope, receive, send)

    def _endpoint(self, scope: Scope) -> Endpoint | None:
        """What answers the request, where a route of ours does; the parameters in its path are then in the scope."""
        if "fastapi.telemetry" in scope:
            return None  # telemetry is told of the route on FastAPI's own way
        for route in self._routes:
            match, found = route.matches(scope)
            if match is Match.FULL:
                scope.update(found)
                endpoint: Endpoint = route.endpoint
                return endpoint
        return None


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replay() -> dict[str, Any]:
        nonlocal sent
        if sent:
            return dict(await receive())
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
