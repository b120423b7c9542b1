"""One client's connection, which ends where the client is too slow, sends too much, or is one too many.

uvicorn alone waits for ever for the rest of a request and for a client to read its answer, and takes headers of any
length.
"""

import asyncio
from typing import ClassVar

import httptools
import orjson
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from captum_serving.errors import describe_error
from captum_serving.limits import ClientLimits

# What probes and Prometheus ask for. They are answered on this many connections beyond the limit, which have a second
# for their headers.
PROBES = ("/", "/v2/health/live", "/v2/health/ready", "/metrics")
RESERVED = 32
RESERVED_SECONDS = 1.0
# A client that reads slowly has a second more for each of these bytes that wait for it.
BYTES_A_SECOND = 2**20
CHECK_SECONDS = 0.5


class Connection(HttpToolsProtocol):
    """uvicorn's protocol with limits; uvicorn is given a subclass whose `limits` are those of the flags."""

    limits: ClassVar = ClientLimits()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock for the first request, or hang up where not even a probe has room."""
        super().connection_made(transport)
        beyond = len(self.connections) - self.limits.max_connections
        self._reserved = beyond > 0
        self._phase = "headers"
        self._header_bytes = 0
        self._began = self._heard = self.loop.time()
        self._read_until = float("inf")
        self._clock = self.loop.call_later(CHECK_SECONDS, self._check)
        if beyond > RESERVED:
            transport.abort()
        elif self._reserved:
            self.app = self._answer_probe

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        super().connection_lost(exc)
        self._clock.cancel()

    def data_received(self, data: bytes) -> None:
        """Parse what came, as uvicorn does, but without a warning for each client that does not speak HTTP."""
        self._heard = self.loop.time()
        self._unset_keepalive_if_required()
        before, counted = self._phase, self._header_bytes
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.logger.debug("a request to upgrade is answered as if it did not ask for that")
        except httptools.HttpParserError as error:
            self.logger.debug("what %s sent is no request: %s", self.client, describe_error(error))
            self.send_400_response("")
        if before == self._phase == "headers":  # a header without an end: the parser has not reported it yet
            self._header_bytes = max(self._header_bytes, counted + len(data))
            if self._header_bytes > self.limits.max_header_bytes and not self.transport.is_closing():
                self.send_400_response("")

    def on_message_begin(self) -> None:
        """Start the clock for the headers of another request."""
        if self._phase == "idle":
            self._phase, self._began, self._header_bytes = "headers", self._heard, 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header. The parser fails by what is raised here, and uvicorn then calls `send_400_response`."""
        self._header_bytes += len(name) + len(value) + len(b": \r\n")
        if self._header_bytes > self.limits.max_header_bytes:
            raise ValueError("the headers are too long")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Start the clock for the body."""
        super().on_headers_complete()
        self._phase, self._began = "body", self._heard
        if self._reserved:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """Stop the clock until another request begins."""
        super().on_message_complete()
        self._phase = "idle"

    def pause_writing(self) -> None:
        """Start the clock for the client to read its answer."""
        super().pause_writing()
        seconds = self.limits.write_seconds + self.transport.get_write_buffer_size() / BYTES_A_SECOND
        self._read_until = self.loop.time() + seconds

    def resume_writing(self) -> None:
        """Stop that clock."""
        super().resume_writing()
        self._read_until = float("inf")

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request. An answer that is still under way goes out first."""
        if self._phase != "body" and self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False
            self.flow.pause_reading()
        elif self._header_bytes > self.limits.max_header_bytes:
            self._refuse(431, f"the headers have more than {self.limits.max_header_bytes} bytes; expected fewer")
        else:
            self._refuse(
                400, "the request is not HTTP/1.1; expected a request line, headers and a body of their length"
            )

    def _check(self) -> None:
        now, limits = self.loop.time(), self.limits
        if self.flow.read_paused:  # it is the server that takes its time
            self._began = self._heard = now
        header_seconds = RESERVED_SECONDS if self._reserved else limits.header_seconds
        if now > self._read_until:
            self.transport.abort()
        elif self._phase == "headers" and now - self._began > header_seconds and not self._header_bytes:
            self.transport.close()  # a browser connects before it knows what to ask for
        elif self._phase == "headers" and now - self._began > header_seconds:
            self._refuse(408, f"the headers were not complete after {header_seconds:g} s")
        elif self._phase == "body" and now - self._heard > limits.pause_seconds:
            self._refuse(408, f"no byte of the body came for {limits.pause_seconds:g} s")
        elif self._phase == "body" and now - self._began > limits.body_seconds:
            self._refuse(408, f"the body was not complete after {limits.body_seconds:g} s")
        else:
            self._clock = self.loop.call_later(CHECK_SECONDS, self._check)

    def _refuse(self, status: int, sentence: str) -> None:
        body = orjson.dumps({"error": sentence})
        headers = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(STATUS_LINE[status] + headers + body)
        self.transport.close()

    async def _answer_probe(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in PROBES:
            await self.config.loaded_app(scope, receive, send)
            return
        sentence = f"{self.limits.max_connections} connections are open; try again later"
        await JSONResponse({"error": sentence}, 503, {"Retry-After": "1"})(scope, receive, send)
