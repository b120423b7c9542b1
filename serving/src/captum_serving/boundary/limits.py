"""Limits on a request: its body's size, and no compression."""

from starlette.types import Receive, Scope

from captum_serving.boundary.hang_ups import Disconnected
from captum_serving.errors import BadInput, TooLarge

# A body over the limit is read to its end before the 413 is sent: a gateway that is still sending turns an early answer
# into a 503. A body over this multiple of the limit is cut off.
DRAIN_FACTOR = 8


async def read_body(receive: Receive, max_body_bytes: int) -> bytes:
    """Read a request's whole body.

    Raises:
        TooLarge: It has more than `max_body_bytes`.
        Disconnected: The client hung up before its end.
    """
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        part = message.get("body", b"")
        size += len(part)
        more = message.get("more_body", False)
        if size <= max_body_bytes:
            parts.append(part)
        elif size > DRAIN_FACTOR * max_body_bytes:
            break
    if size > max_body_bytes:
        got = f"more than {max_body_bytes}" if more else str(size)
        raise TooLarge(f"the body has {got} bytes; expected at most {max_body_bytes}")
    return parts[0] if len(parts) == 1 else b"".join(parts)


def refuse_encoded(scope: Scope) -> None:
    """Check that the body is not compressed.

    Raises:
        BadInput: Its Content-Encoding says that it is.
    """
    for name, value in scope["headers"]:
        if name == b"content-encoding" and value.lower() != b"identity":
            encoding = value.decode("latin-1")
            raise BadInput(f"Content-Encoding is {encoding[:40]!r}; expected none: send the body uncompressed")
