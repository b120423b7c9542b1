"""The HTTP boundary: no request over the limit comes in, and nothing but our own sentences goes out as an error.

kserve registers its handlers after ours and replaces one for `Exception`, so unexpected errors are caught here, in a
middleware of our own, before kserve's sees them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from captum_serving.errors import BadInput, Internal, NotAllowed, NotFound, ServingError, TooLarge

T = TypeVar("T")

logger = logging.getLogger("captum_serving")

# A body over the limit is read to its end before the 413 goes out: a gateway that is still sending makes a 503 of an
# answer that comes early. What is over this multiple of the limit is cut off.
DRAIN_FACTOR = 8


class Disconnected(Exception):
    """The client went away before it was answered."""


def install(app: FastAPI, server: str, max_body_bytes: int) -> None:
    """Put the boundary around `app`: call it where the routes are registered, at import.

    `server` is what a 404 calls it: where routes go wrong, a client has to know which of the two has answered.
    """
    app.state.server = server
    app.add_middleware(Boundary, max_body_bytes=max_body_bytes)
    app.add_exception_handler(ServingError, _serving_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _http_error)
    app.router.redirect_slashes = False
    # FastAPI's description of kserve's routes: ours are not in it, and some of those that are go nowhere here.
    described = (app.openapi_url, app.docs_url, app.redoc_url, app.swagger_ui_oauth2_redirect_url)
    app.router.routes[:] = [route for route in app.router.routes if getattr(route, "path", None) not in described]


async def body_of(request: Request) -> bytes:
    """The request's body, which the boundary has read whole; `request.body()` would make a copy of it."""
    return b"".join([part async for part in request.stream() if part])


async def while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Do `work`, and cancel it when the client hangs up: after the body, the next message says that it has.

    Raises:
        Disconnected: The client hung up.
    """
    task = asyncio.ensure_future(work)
    hang_up = asyncio.ensure_future(request.receive())
    try:
        await asyncio.wait((task, hang_up), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise Disconnected
        return task.result()
    finally:
        task.cancel()
        hang_up.cancel()


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
    """ASGI middleware: reads the body up to a limit, hands it on whole, and turns what is raised into a response."""

    def __init__(self, app: ASGIApp, max_body_bytes: int) -> None:
        self.app = app
        self.max_body_bytes = max_body_bytes

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
            body = await self._read(receive)
            _refuse_encoded(Headers(scope=scope))
            await self.app(scope, _replay(body, receive), observed_send)
        except Disconnected:
            return
        except ServingError as error:
            await error_response(error)(scope, receive, send)
        except Exception:
            logger.exception("unexpected error at %s %s", scope["method"], scope["path"])
            if not started:
                await error_response(Internal("the server failed; its log says why"))(scope, receive, send)

    async def _read(self, receive: Receive) -> bytes:
        parts: list[bytes] = []
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Disconnected
            part = message.get("body", b"")
            size += len(part)
            more = message.get("more_body", False)
            if size <= self.max_body_bytes:
                parts.append(part)
            elif size > DRAIN_FACTOR * self.max_body_bytes:
                break
        if size > self.max_body_bytes:
            got = f"more than {self.max_body_bytes}" if more else str(size)
            raise TooLarge(f"the body has {got} bytes; expected at most {self.max_body_bytes}")
        return parts[0] if len(parts) == 1 else b"".join(parts)


def _refuse_encoded(headers: Headers) -> None:
    encoding = headers.get("content-encoding", "identity")
    if encoding.lower() != "identity":
        raise BadInput(f"Content-Encoding is {encoding[:40]!r}; expected none: send the body uncompressed")


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replay() -> dict[str, Any]:
        nonlocal sent
        if sent:
            return dict(await receive())
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
