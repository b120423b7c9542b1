"""Calls to the predictor: retries, and the deadline of an explanation."""

import threading
import time
from collections.abc import Mapping
from http.client import SERVICE_UNAVAILABLE

from captum_serving.errors import DeadlineExceeded, Unavailable

from captum_explainer.deadline import Deadline
from captum_explainer.predictor_client.http_connection import KeptConnection, Reply
from captum_explainer.rng import lend_generators

# A predictor that is being replaced refuses or resets connections for a moment; one that is gone must not hold up the
# client.
RETRY_SECONDS = 3.0
FIRST_PAUSE_SECONDS = 0.05
FORWARDED_HEADERS = ("authorization", "traceparent", "tracestate", "x-request-id")


class Connection:
    """Calls to one predictor, one after the other; `answered` is True after the first answer other than a 503."""

    def __init__(self, host: str, use_ssl: bool, ca_bundle: str | None, timeout_seconds: float) -> None:
        self.timeout_seconds = timeout_seconds
        self.answered = False
        self._turn = threading.Lock()
        self._http = KeptConnection(f"{'https' if use_ssl else 'http'}://{host}", ca_bundle)

    def call(
        self,
        verb: str,
        path: str,
        deadline: Deadline,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a request, and again on a new connection if the first was refused, reset or answered by a 503.

        Threads wait for their turn.

        Raises:
            DeadlineExceeded: The answer was not complete in time.
            Unavailable: The predictor cannot be reached, or is overloaded.
            BadGateway: The answer is too large or not HTTP, or the TLS is not trusted.
            ValueError: A header contains a line break, or a character outside Latin-1.
        """
        give_up = time.monotonic() + RETRY_SECONDS
        pause = FIRST_PAUSE_SECONDS
        # In this order: a thread that waited here with the generators would keep them from the one whose turn it is.
        with lend_generators(), self._turn:
            while True:
                try:
                    reply = self._call_once(verb, path, deadline, body, headers or {})
                    if reply.status == SERVICE_UNAVAILABLE:
                        raise Unavailable("the predictor is overloaded or not ready; try again")
                    self.answered = True
                    return reply
                except Unavailable:
                    self._http.close()  # another replica may do better
                    if time.monotonic() + pause > give_up or deadline.left() <= pause:
                        raise
                time.sleep(pause)
                pause *= 2

    def close(self) -> None:
        """Hang up; another call connects again."""
        self._http.close()

    def _call_once(self, verb: str, path: str, deadline: Deadline, body: bytes, headers: Mapping[str, str]) -> Reply:
        def wait() -> float:
            return min(deadline.check(), self.timeout_seconds)

        try:
            return self._http.request(verb, path, headers, body, wait)
        except TimeoutError as error:
            deadline.check()
            raise DeadlineExceeded(
                f"the predictor did not answer within {self.timeout_seconds:g} s (--predictor_request_timeout_seconds)"
            ) from error


def select_forwarded(headers: Mapping[str, str], *also: str) -> dict[str, str]:
    """Select the client's headers that are forwarded to the predictor, and those named in `also`."""
    return {name: headers[name] for name in (*FORWARDED_HEADERS, *also) if name in headers}
