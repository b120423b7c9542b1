"""A model's routes over HTTP: one value for each method and path."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request as StarletteRequest
from starlette.responses import Response

from captum_serving.boundary.limits import Body


class Request(StarletteRequest):
    """A request whose body the boundary limits."""

    async def body(self) -> bytes:
        """Read the body; raises what `Body.read` raises."""
        body: Body = self.scope["body"]
        return await body.read()


Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Route:
    """A method, a path in Starlette's notation (`/v1/models/{model}`), and what answers there."""

    method: str
    path: str
    handler: Handler
