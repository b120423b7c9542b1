"""Reads and writes large messages in threads, so that the event loop answers others meanwhile."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

# Encoding more than this would hold the event loop for milliseconds: it is done in a thread.
LARGE_BYTES = 1 << 20
# Not the event loop's own threads, of which there are six or more: each keeps the memory of its largest message.
THREADS = ThreadPoolExecutor(2, "message")


class NotWanted(Exception):
    """Whoever waited for the work has gone."""


async def run_off_the_loop(size: int, work: Callable[[Callable[[], None]], T], large: int = LARGE_BYTES) -> T:
    """Do `work` on `size` bytes: at once if they are few, else in a thread.

    `work` is given a function to call now and then. It raises once this has been cancelled, which ends the work.
    """
    gone = threading.Event()

    def check_wanted() -> None:
        if gone.is_set():
            raise NotWanted

    if size <= large:
        return work(check_wanted)
    try:
        return await asyncio.get_running_loop().run_in_executor(THREADS, work, check_wanted)
    finally:
        gone.set()
