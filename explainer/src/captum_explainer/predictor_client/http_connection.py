"""One HTTP request at a time over one kept-alive connection, by urllib3; every failure is one of our errors."""

import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException
from urllib.parse import quote, urlsplit

from captum_serving.errors import BadGateway, Unavailable
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, ReadTimeoutError, SSLError

from captum_explainer.predictor_client.patient_response import HungUp, PatientResponse

# A network policy drops packets, so a blocked connection times out instead of failing at once.
CONNECT_SECONDS = 2.0
MAX_REPLY_BYTES = 128 * 2**20
# What RFC 3986 allows in a path and its query, and escapes that are there already.
PATH_CHARACTERS = "/?:@!$&'()*+,;=~%"
OWN_HEADERS = {"user-agent": "kserve-captum", "accept-encoding": "identity"}


@dataclass(frozen=True)
class Reply:
    """An answer, whatever its status; the headers' names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class KeptConnection:
    """Requests to `http://host:port`, or https, one after the other; it connects again when the server hung up.

    A redirect is an answer like any other, the environment's proxies are not used, and no content is decoded.
    """

    def __init__(self, address: str, ca_bundle: str | None) -> None:
        parts = urlsplit(address)
        if not parts.hostname:
            raise ValueError(f"{address!r} has no host")
        self._host, self._port, self._use_ssl = parts.hostname, parts.port, parts.scheme == "https"
        self._ca_bundle = ca_bundle
        self._http: HTTPConnection | None = None

    def request(
        self, verb: str, path: str, headers: Mapping[str, str], body: bytes, wait: Callable[[], float]
    ) -> Reply:
        """Send a request and read its answer.

        `wait` is called before each time that the server is waited for. It returns how many seconds that may take, or
        raises to end the request.

        Raises:
            TimeoutError: The server was silent for too long.
            Unavailable: The server cannot be reached, or hung up.
            BadGateway: The answer is too large or not HTTP, or the TLS is not trusted.
            ValueError: A header contains a line break, or a character outside Latin-1.
        """
        complete = False
        try:
            http = self._connect(wait)
            http.timeout = wait()
            reply = _exchange(http, verb, path, headers, body, wait)
            complete = True
            return reply
        except (TimeoutError, ReadTimeoutError) as error:
            raise TimeoutError(str(error)) from error
        except (HungUp, OSError) as error:
            raise Unavailable("the predictor closed the connection") from error
        except (HTTPException, HTTPError) as error:
            raise BadGateway(f"the predictor does not answer in HTTP: {error}") from error
        finally:
            if not complete:
                self.close()

    def close(self) -> None:
        """Hang up; another request connects again."""
        if self._http is not None:
            self._http.close()
            self._http = None

    def __del__(self) -> None:
        if hasattr(self, "_http"):
            self.close()

    def _connect(self, wait: Callable[[], float]) -> HTTPConnection:
        if self._http is not None and self._http.is_connected:
            return self._http
        self.close()  # the server hung up, or sent something that was not asked for
        seconds = min(CONNECT_SECONDS, wait())
        # A new object, because a failed request leaves its headers in the old one, which would send them with the next.
        if self._use_ssl:
            self._http = HTTPSConnection(self._host, self._port, timeout=seconds, ca_certs=self._ca_bundle)
        else:
            self._http = HTTPConnection(self._host, self._port, timeout=seconds)
        try:
            self._http.connect()
        except (ssl.SSLError, SSLError) as error:
            raise BadGateway(
                "the predictor does not speak TLS that is trusted here; see --predictor_ca_bundle"
            ) from error
        except (OSError, HTTPError) as error:
            raise Unavailable("the predictor cannot be reached; is it running?") from error
        return self._http


def _exchange(
    http: HTTPConnection, verb: str, path: str, headers: Mapping[str, str], body: bytes, wait: Callable[[], float]
) -> Reply:
    target = quote(path, safe=PATH_CHARACTERS)
    sent = OWN_HEADERS | {name.lower(): value for name, value in headers.items()}
    # A server may refuse a large body and hang up before it has read all of it; its answer is still read.
    with suppress(ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
        http.request(verb, target, body or None, sent, preload_content=False, decode_content=False)
    http.response_class = partial(PatientResponse, wait=wait)  # type: ignore[assignment]
    with http.getresponse() as answer:
        announced = answer.length_remaining or 0
        # One byte more than allowed is enough to know.
        content = answer.read(MAX_REPLY_BYTES + 1) if announced <= MAX_REPLY_BYTES else b""
        if max(announced, len(content)) > MAX_REPLY_BYTES:
            raise BadGateway(f"the predictor's answer has over {MAX_REPLY_BYTES} bytes")
        return Reply(answer.status, {name.lower(): value for name, value in answer.headers.items()}, content)
