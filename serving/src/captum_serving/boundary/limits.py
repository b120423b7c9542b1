"""What a request may bring: a body up to a limit, uncompressed."""

from starlette.types import Message, Receive, Scope

from captum_serving.boundary.hang_ups import Disconnected
from captum_serving.errors import BadInput, Overloaded, TooLarge
from captum_serving.limits import ClientLimits

# What passes of a body that nobody wants, in multiples of the largest body; then it is cut off.
DRAIN_FACTOR = 8


class Bodies:
    """The bodies that a server holds at this moment, each and together up to a limit of bytes."""

    def __init__(self, limits: ClientLimits) -> None:
        self.max_body_bytes = limits.max_body_bytes
        self.max_held_bytes = limits.max_held_bytes
        self.held = 0


class Body:
    """One request's body, of which nothing is read before a handler asks for it."""

    def __init__(self, receive: Receive, bodies: Bodies) -> None:
        self._receive = receive
        self._bodies = bodies
        self._held = 0
        self._passed = 0
        self._more = True
        self._whole = b""

    async def read(self) -> bytes:
        """Read the whole body, or return what was read.

        Raises:
            TooLarge: It has more bytes than a body may have.
            Overloaded: The server holds as much as it may.
            Disconnected: The client hung up before its end.
        """
        parts: list[bytes] = []
        while self._more:
            part = await self._next()
            if self._passed > self._bodies.max_body_bytes:
                parts.clear()
                await self.drain()
                got = f"more than {self._bodies.max_body_bytes}" if self._more else str(self._passed)
                raise TooLarge(f"the body has {got} bytes; expected at most {self._bodies.max_body_bytes}")
            self._held += len(part)
            self._bodies.held += len(part)
            if self._bodies.held > self._bodies.max_held_bytes:
                parts.clear()
                raise Overloaded("the bodies of other requests fill the memory for them; try again later")
            parts.append(part)
        if parts:
            self._whole = parts[0] if len(parts) == 1 else b"".join(parts)
        return self._whole

    async def drain(self) -> None:
        """Let the rest pass, and keep nothing: a gateway that still sends makes a 503 of an answer that comes early.

        Raises:
            Disconnected: The client hung up.
        """
        self.release()
        while self._more and self._passed <= DRAIN_FACTOR * self._bodies.max_body_bytes:
            await self._next()

    def release(self) -> None:
        """Count the body no more."""
        self._bodies.held -= self._held
        self._held = 0

    async def receive(self) -> Message:
        """Receive the next message for the application, and take note of what it says of the body."""
        message = await self._receive()
        if message["type"] == "http.request":
            self._passed += len(message.get("body", b""))
            self._more = message.get("more_body", False)
        return message

    async def _next(self) -> bytes:
        message = await self.receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        part: bytes = message.get("body", b"")
        return part


def refuse_encoded(scope: Scope) -> None:
    """Check that the body is not compressed.

    Raises:
        BadInput: Its Content-Encoding says that it is.
    """
    for name, value in scope["headers"]:
        if name == b"content-encoding" and value.lower() != b"identity":
            encoding = value.decode("latin-1")
            raise BadInput(f"Content-Encoding is {encoding[:40]!r}; expected none: send the body uncompressed")
