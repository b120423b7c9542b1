"""The predictor by as many connections as there are explanations at once, each with one of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from captum_explainer.predictor_client.client import PredictorClient
from captum_explainer.settings import PredictorAddress

# A connection stays with the pod that it was made to: new ones now and then give replicas that were added their share.
MAX_AGE_SECONDS = 30.0


class PredictorPool:
    """Lends a client with its connection to one explanation at a time; safe to use from any number of threads.

    In a rollout, and beside it wherever replicas come and go, connections lead to several versions of the model. An
    explanation whose calls took any connection that was free would see them all; one connection leads to one pod.
    """

    def __init__(self, address: PredictorAddress, max_call_bytes: int) -> None:
        self.answered = False
        self._address, self._max_call_bytes = address, max_call_bytes
        self._lock = threading.Lock()
        self._idle: list[tuple[PredictorClient, float]] = []

    @contextmanager
    def lend(self) -> Iterator[PredictorClient]:
        """A client that nobody else uses meanwhile: the one that was used last, so that others may age."""
        client, born = self._take()
        try:
            yield client
        finally:
            # Whether the predictor has ever given an answer in HTTP but a 503.
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
        return taken or (PredictorClient(self._address, self._max_call_bytes), now)
