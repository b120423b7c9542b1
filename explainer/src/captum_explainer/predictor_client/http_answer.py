"""An answer in HTTP/1.1, put together from what comes over a connection, by httptools' parser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httptools


@dataclass(frozen=True)
class Reply:
    """An answer, whatever its status; the headers' names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HungUp(Exception):
    """The connection ended before the answer did."""


class NotHttp(Exception):
    """What answers does not speak HTTP."""


class Answer:
    """What httptools' parser finds in one answer; the methods that begin with `on_` are what it calls."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self._parts: list[bytes] = []
        self._received = self._announced = 0
        self.complete = False
        self.keeps_alive = False
        self._ends_with_connection = False
        self._parser: Any = httptools.HttpResponseParser(self)

    def reply(self) -> Reply:
        """The answer, which is complete."""
        self._parser = None  # it knows this object, and the two would wait for the garbage collector
        return Reply(self.status, self.headers, b"".join(self._parts))

    @property
    def size(self) -> int:
        """The bytes that have come, or that the answer says will come."""
        return max(self._received, self._announced)

    def feed(self, part: memoryview) -> None:
        """Read a part of it; an empty one is the connection's end.

        Raises:
            HungUp: The end came too early.
            NotHttp: This is no HTTP.
        """
        self._received += len(part)
        if not part:
            if not self._ends_with_connection:
                raise HungUp("the connection was closed")
            self.complete = True
            return
        try:
            self._parser.feed_data(part)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            # What comes behind a whole answer is nobody's, and neither is this connection from now on.
            self.keeps_alive = False
            if not self.complete:
                raise NotHttp(str(error)) from error

    def on_message_begin(self) -> None:
        """Take no second answer, which nobody asked for.

        Raises:
            NotHttp: One begins.
        """
        if self.complete:
            raise NotHttp("there is more than one answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header: of several with one name the last."""
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Note the status, and whether the answer says where it ends."""
        self.status = self._parser.get_status_code()
        self._announced = int(self.headers.get("content-length", 0))
        chunked = self.headers.get("transfer-encoding", "").lower().endswith("chunked")
        self._ends_with_connection = not chunked and "content-length" not in self.headers

    def on_body(self, part: bytes) -> None:
        """Keep a part of the body."""
        self._parts.append(part)

    def on_message_complete(self) -> None:
        """Note the end; after an interim answer (1xx) the true one comes."""
        if self.status < 200:
            self.headers, self._ends_with_connection = {}, False
        else:
            self.complete = True
            self.keeps_alive = self._parser.should_keep_alive()
