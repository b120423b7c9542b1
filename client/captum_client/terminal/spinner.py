"""Shows that the command is waiting."""

import itertools
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def show_spinner(text: str) -> Iterator[None]:
    """While the block runs, show a spinner, `text` and the elapsed seconds on standard error if it is a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    done = threading.Event()
    thread = threading.Thread(target=_spin, args=(text, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _spin(text: str, done: threading.Event) -> None:
    start = time.monotonic()
    for bar in itertools.cycle("|/-\\"):
        if done.wait(0.1):
            break
        sys.stderr.write(f"\r{bar} {text} {time.monotonic() - start:.0f} s")
        sys.stderr.flush()
    sys.stderr.write("\r\x1b[K")
    sys.stderr.flush()
