"""HTTP to the predictor: a kept-alive connection, retries, and every failure as one of our errors."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import urllib3
from captum_serving.errors import BadGateway, DeadlineExceeded, ServingError, Unavailable
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
    SSLError,
)

from captum_explainer.deadline import Deadline
from captum_explainer.draws import lend_generators

# A predictor that is being replaced refuses or resets for a moment; one that is gone must not hold the client.
RETRY_SECONDS = 3.0
FIRST_PAUSE_SECONDS = 0.05
# A network policy's refusal shows as packets that are dropped: a time-out, not an answer.
CONNECT_SECONDS = 2.0
MAX_REPLY_BYTES = 512 * 2**20
PASSED_ON = ("authorization", "traceparent", "tracestate", "x-request-id")


@dataclass(frozen=True)
class Reply:
    """The predictor's answer, whatever its status."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connection:
    """Calls to one predictor, one after the other; `answered` once one had an answer but a 503."""

    def __init__(self, host: str, use_ssl: bool, ca_bundle: str | None, timeout_seconds: float) -> None:
        scheme = "https" if use_ssl else "http"
        self.address = f"{scheme}://{host}"
        self.timeout_seconds = timeout_seconds
        self.answered = False
        tls = {"ca_certs": ca_bundle} if use_ssl and ca_bundle else {}
        self._pool = urllib3.connection_from_url(self.address, maxsize=1, retries=False, **tls)

    def call(
        self,
        verb: str,
        path: str,
        deadline: Deadline,
        body: bytes | None = None,
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
                outcome = self._try(verb, path, deadline, body, dict(headers or {}))
                if isinstance(outcome, Reply) and outcome.status != 503:
                    self.answered = True
                    return outcome
                if isinstance(outcome, ServingError) and not isinstance(outcome, Unavailable):
                    raise outcome
                if time.monotonic() + pause > give_up or deadline.left() <= pause:
                    if isinstance(outcome, Reply):
                        raise Unavailable("the predictor is overloaded or not ready; try again")
                    raise outcome
                time.sleep(pause)
                pause *= 2

    def close(self) -> None:
        """Close the connection, for good."""
        self._pool.close()

    def _try(
        self, verb: str, path: str, deadline: Deadline, body: bytes | None, headers: dict[str, str]
    ) -> Reply | ServingError:
        left = min(deadline.check(), self.timeout_seconds)
        timeout = urllib3.Timeout(connect=min(CONNECT_SECONDS, left), read=left)
        try:
            response = self._pool.urlopen(
                verb, path, body, headers, redirect=False, timeout=timeout, preload_content=False, decode_content=False
            )
            return Reply(response.status, response.headers, _read(response, deadline))
        except ReadTimeoutError:
            return self._too_slow() if deadline.left() > 0 else deadline.exceeded()
        except (NewConnectionError, ConnectTimeoutError):
            return Unavailable(f"the predictor at {self.address} cannot be reached; is it running?")
        except SSLError:
            return BadGateway(
                f"the predictor at {self.address} does not speak TLS that is trusted here; see --predictor_ca_bundle"
            )
        except ProtocolError as error:
            if _is_hang_up(error):
                return Unavailable(f"the predictor at {self.address} closed the connection")
            return BadGateway(f"the predictor at {self.address} does not answer in HTTP")
        except HTTPError:
            return BadGateway(f"the predictor at {self.address} does not answer in HTTP")

    def _too_slow(self) -> DeadlineExceeded:
        seconds = f"{self.timeout_seconds:g} s"
        return DeadlineExceeded(f"the predictor did not answer within {seconds} (--predictor_request_timeout_seconds)")


def passed_on(headers: Mapping[str, str], *also: str) -> dict[str, str]:
    """Those of a client's headers that go on to the predictor, and `also` these."""
    return {name: headers[name] for name in (*PASSED_ON, *also) if name in headers}


def _read(response: urllib3.BaseHTTPResponse, deadline: Deadline) -> bytes:
    parts: list[bytes] = []
    size = 0
    try:
        _refuse_huge(response.length_remaining or 0)
        # Whatever has come by now: a whole part outlasts the deadline where the predictor sends byte after byte.
        while part := response.read1(2**20, decode_content=False):
            deadline.check()
            parts.append(part)
            size += len(part)
            _refuse_huge(size)
    except BaseException:
        response.close()
        raise
    response.release_conn()
    return b"".join(parts)


def _refuse_huge(size: int) -> None:
    if size > MAX_REPLY_BYTES:
        raise BadGateway(f"the predictor's answer has over {MAX_REPLY_BYTES} bytes")


def _is_hang_up(error: ProtocolError) -> bool:
    """Tell a connection that ended early from an answer that is no HTTP."""
    causes = [error, error.__cause__, error.__context__, *error.args]
    return any(isinstance(cause, ConnectionError | urllib3.exceptions.IncompleteRead) for cause in causes)
