"""kserve's worker processes, with the time that they need to start."""

from __future__ import annotations

import time
from typing import Any

from kserve.protocol.rest.multiprocess import server
from kserve.protocol.rest.multiprocess.server import RESTServerProcess

# On a busy node a worker imports torch for many seconds; a new pod's startup probe ends it where it never comes up.
START_SECONDS = 120.0


class PatientProcess(RESTServerProcess):  # type: ignore[misc]  # kserve is untyped
    """A worker that may take `START_SECONDS` until its first answer.

    kserve kills a worker that does not answer a ping in 5 s, from its first moment on: where the imports take longer,
    it kills and starts workers for ever.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - kserve's own arguments
        super().__init__(*arguments, **named)
        self._end_of_start = time.monotonic() + START_SECONDS
        self._asked = False
        self._answered = False

    def is_alive(self, timeout: float = 5) -> bool:
        """Whether the process lives, and answers: at the start within `START_SECONDS`, then within the timeout."""
        if self._answered or not self._process.is_alive():
            return bool(super().is_alive(timeout))
        if not self._asked:
            self._parent_conn.send(b"ping")
            self._asked = True
        if self._parent_conn.poll():
            self._parent_conn.recv()
            self._answered = True
        return self._answered or time.monotonic() < self._end_of_start


def start_patiently() -> None:
    """Make kserve use such workers, in this process."""
    server.RESTServerProcess = PatientProcess
