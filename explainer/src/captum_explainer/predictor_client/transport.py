"""HTTP to the predictor: a kept-alive connection, retries, and every failure as one of our errors."""

from __future__ import annotations

import time
from collections.abc import Mapping

from captum_serving.errors import BadGateway, DeadlineExceeded, ServingError, Unavailable

from captum_explainer.deadline import Deadline
from captum_explainer.predictor_client.http_answer import HungUp, NotHttp, Reply
from captum_explainer.predictor_client.http_connection import HttpConnection, NotConnected, NoTls
from captum_explainer.rng import lend_generators

# A predictor that is being replaced refuses or resets for a moment; one that is gone must not hold the client.
RETRY_SECONDS = 3.0
FIRST_PAUSE_SECONDS = 0.05
# A network policy's refusal shows as packets that are dropped: a time-out, not an answer.
CONNECT_SECONDS = 2.0
MAX_REPLY_BYTES = 512 * 2**20
FORWARDED_HEADERS = ("authorization", "traceparent", "tracestate", "x-request-id")


class Connection:
    """Calls to one predictor, one after the other; `answered` once one had an answer but a 503."""

    def __init__(self, host: str, use_ssl: bool, ca_bundle: str | None, timeout_seconds: float) -> None:
        scheme = "https" if use_ssl else "http"
        self.address = f"{scheme}://{host}"
        self.timeout_seconds = timeout_seconds
        self.answered = False
        self._http = HttpConnection(self.address, ca_bundle)

    def call(
        self,
        verb: str,
        path: str,
        deadline: Deadline,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a request, again on a fresh connection where the first was refused, reset or answered by a 503.

        Raises:
            DeadlineExceeded: No whole answer came in time.
            Unavailable: The predictor cannot be reached, or is overloaded.
            BadGateway: Something answers there, but not in HTTP.
        """
        give_up = time.monotonic() + RETRY_SECONDS
        pause = FIRST_PAUSE_SECONDS
        with lend_generators():
            while True:
                outcome = self._try(verb, path, deadline, body, headers or {})
                if isinstance(outcome, Reply) and outcome.status != 503:
                    self.answered = True
                    return outcome
                if isinstance(outcome, ServingError) and not isinstance(outcome, Unavailable):
                    raise outcome
                self._http.close()  # another replica may do better
                if time.monotonic() + pause > give_up or deadline.left() <= pause:
                    if isinstance(outcome, Reply):
                        raise Unavailable("the predictor is overloaded or not ready; try again")
                    raise outcome
                time.sleep(pause)
                pause *= 2

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def _try(
        self, verb: str, path: str, deadline: Deadline, body: bytes, headers: Mapping[str, str]
    ) -> Reply | ServingError:
        def patience() -> float:
            return min(deadline.check(), self.timeout_seconds)

        def watch(size: int) -> None:
            if size > MAX_REPLY_BYTES:
                raise BadGateway(f"the predictor's answer has over {MAX_REPLY_BYTES} bytes")

        try:
            return self._http.request(verb, path, headers, body, min(CONNECT_SECONDS, patience()), patience, watch)
        except TimeoutError:
            return self._too_slow() if deadline.left() > 0 else deadline.exceeded()
        except NotConnected:
            return Unavailable(f"the predictor at {self.address} cannot be reached; is it running?")
        except NoTls:
            return BadGateway(
                f"the predictor at {self.address} does not speak TLS that is trusted here; see --predictor_ca_bundle"
            )
        except HungUp:
            return Unavailable(f"the predictor at {self.address} closed the connection")
        except NotHttp as error:
            return BadGateway(f"the predictor at {self.address} does not answer in HTTP: {error}")

    def _too_slow(self) -> DeadlineExceeded:
        seconds = f"{self.timeout_seconds:g} s"
        return DeadlineExceeded(f"the predictor did not answer within {seconds} (--predictor_request_timeout_seconds)")


def select_forwarded(headers: Mapping[str, str], *also: str) -> dict[str, str]:
    """Select those of a client's headers that go on to the predictor, and those named in `also`."""
    return {name: headers[name] for name in (*FORWARDED_HEADERS, *also) if name in headers}
