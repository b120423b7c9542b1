"""Connections to the predictor, one for each explanation that runs."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from captum_explainer.predictor_client.client import PredictorClient
from captum_explainer.predictor_client.description import Access
from captum_explainer.settings import PredictorAddress

# A connection stays with one pod, so it is replaced now and then: new replicas get their share.
MAX_AGE_SECONDS = 30.0


class PredictorPool:
    """Lends a client with its connection to one explanation at a time; safe to use from any number of threads.

    During a rollout, connections lead to several versions of the model. An explanation that used any free connection
    for each call would see all of them; one connection leads to one pod.
    """

    def __init__(self, address: PredictorAddress, max_call_bytes: int, offered: Access = Access.STRUCTURE) -> None:
        self.answered = False
        self._address, self._max_call_bytes, self._offered = address, max_call_bytes, offered
        self._lock = threading.Lock()
        self._idle: list[tuple[PredictorClient, float]] = []

    @contextmanager
    def lend(self) -> Iterator[PredictorClient]:
        """A client for one explanation alone. The most recently used one is taken, so that the others can age."""
        client, born = self._take()
        try:
            yield client
        finally:
            self.answered = self.answered or client.answered
            with self._lock:
                self._idle.append((client, born))

    def _take(self) -> tuple[PredictorClient, float]:
        now = time.monotonic()
        with self._lock:
            old = [pair for pair in self._idle if now - pair[1] > MAX_AGE_SECONDS]
            self._idle = [pair for pair in self._idle if now - pair[1] <= MAX_AGE_SECONDS]
            taken = self._idle.pop() if self._idle else None
        for client, _ in old:
            client.close()
        return taken or (PredictorClient(self._address, self._max_call_bytes, self._offered), now)
