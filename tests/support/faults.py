"""What a predictor may do instead of answering: each is a `Fault` of the misbehaving predictor, or makes one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.support.misbehaving_predictor import Answer, Fault, Handler

HUGE = 10**12


def hang(handler: Handler, answer: Answer) -> None:
    """Say nothing until the test is over."""
    handler.predictor.released.wait(30)
    handler.close_connection = True


def drip(handler: Handler, answer: Answer) -> None:
    """Send the right answer, so slowly that it never ends."""
    body, headers = answer.bytes()
    handler.send_head(200, headers, len(body))
    for i in range(len(body)):
        if handler.predictor.released.wait(0.2):
            break
        handler.wfile.write(body[i : i + 1])
        handler.wfile.flush()
    handler.close_connection = True


def drip_head(handler: Handler, answer: Answer) -> None:
    """Send header after header, and never a body."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while not handler.predictor.released.wait(0.2):
        handler.wfile.write(b"X-A: b\r\n")
        handler.wfile.flush()
    handler.close_connection = True


def speak_no_http(handler: Handler, answer: Answer) -> None:
    """Answer in another protocol."""
    handler.wfile.write(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
    handler.close_connection = True


def hang_up(handler: Handler, answer: Answer) -> None:
    """Close the connection without a word."""
    handler.close_connection = True


def hang_up_half_way(handler: Handler, answer: Answer) -> None:
    """Close the connection in the middle of the body."""
    body, headers = answer.bytes()
    handler.send_head(200, headers, len(body))
    handler.wfile.write(body[: len(body) // 2])
    handler.close_connection = True


def reset(handler: Handler, answer: Answer) -> None:
    """Reset the connection, as a server does that was killed."""
    handler.reset()


def send_huge(handler: Handler, answer: Answer) -> None:
    """Announce more than anyone can hold, and begin to send it."""
    body, headers = answer.bytes()
    handler.send_head(200, headers, HUGE)
    handler.wfile.write(body)
    handler.predictor.released.wait(10)
    handler.close_connection = True


def body_of(content: bytes, content_type: str = "application/octet-stream", **headers: str) -> Fault:
    """Answer with this body."""

    def send(handler: Handler, answer: Answer) -> None:
        handler.send_head(200, {"Content-Type": content_type, **headers}, len(content))
        handler.wfile.write(content)

    return send


def refusal(status: int, document: dict[str, Any]) -> Fault:
    """Answer with a status and a JSON body."""

    def send(handler: Handler, answer: Answer) -> None:
        refused = Answer(document)
        refused.status = status
        handler.send(refused)

    return send


def changed(change: Callable[[Answer], object]) -> Fault:
    """Change the right answer before it is sent."""

    def send(handler: Handler, answer: Answer) -> None:
        change(answer)
        handler.send(answer)

    return send


def with_value(change: Callable[[np.ndarray], np.ndarray], output: str = "logits") -> Fault:
    """Change one of the answer's tensors."""

    def apply(answer: Answer) -> None:
        assert answer.tensors is not None
        answer.tensors = {name: change(tensor) if name == output else tensor for name, tensor in answer.tensors.items()}

    return changed(apply)
