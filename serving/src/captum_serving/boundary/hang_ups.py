"""Cancels work that nobody waits for any more."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import Request

T = TypeVar("T")


class Disconnected(Exception):
    """The client went away before it was answered."""


async def while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Do `work`, and cancel it if the client hangs up: after the body, the next message is the disconnect.

    Raises:
        Disconnected: The client hung up.
    """
    task = asyncio.current_task()
    assert task is not None
    working, hung_up = True, False

    def stop(_: asyncio.Future[Any]) -> None:
        nonlocal hung_up
        if working:
            hung_up = task.cancel()

    hang_up = asyncio.ensure_future(request.receive())
    hang_up.add_done_callback(stop)
    try:
        return await work
    except asyncio.CancelledError:
        if hung_up and task.cancelling() == 1:  # else somebody else has cancelled it too
            raise Disconnected from None
        raise
    finally:
        working = False
        hang_up.cancel()
        if hung_up:
            task.uncancel()
