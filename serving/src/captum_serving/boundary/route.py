"""A model's routes over HTTP: one value for each method and path."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request as StarletteRequest
from starlette.responses import Response


class Request(StarletteRequest):
    """A request whose body the boundary has read."""

    async def body(self) -> bytes:
        """Return the body that was read; Starlette's own method would copy it."""
        body: bytes = self.scope["body"]
        return body


Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Route:
    """A method, a path in Starlette's notation (`/v1/models/{model}`), and what answers there."""

    method: str
    path: str
    handler: Handler
