"""An HTTP response that keeps a deadline while it is read.

http.client waits anew for every part, so a response that drips would never end. It also takes a connection that ends
within the headers for the end of the headers, and returns interim responses such as 103 as if they were final.
"""

from __future__ import annotations

import http.client
import io
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class HungUp(Exception):
    """The connection ended before the response did."""


class PatientResponse(http.client.HTTPResponse):
    """Calls `wait` before each read from the socket: it returns how many seconds the read may take, or raises."""

    def __init__(
        self, sock: socket.socket, debuglevel: int = 0, method: str | None = None, *, wait: Callable[[], float]
    ) -> None:
        super().__init__(sock, debuglevel, method)
        self._incoming = _Incoming(sock, self.fp.detach(), wait)
        self.fp = io.BufferedReader(self._incoming)

    def begin(self) -> None:
        """Read the status and the headers of the final response.

        Raises:
            HungUp: The connection ended before the headers did.
            http.client.HTTPException: This is not HTTP/1.
        """
        super().begin()
        while self.status < 200:
            if self.status == http.HTTPStatus.SWITCHING_PROTOCOLS:
                raise http.client.UnknownProtocol("the server switches to another protocol")
            self.headers = None  # type: ignore[assignment]  # so that http.client reads another head
            super().begin()
        if self._incoming.ended:
            raise HungUp("the connection was closed within the headers")
        self._incoming.may_end = self.length is None and not self.chunked


class _Incoming(io.RawIOBase):
    """What comes over a socket; `may_end` is False while the end of the connection would cut the response short."""

    def __init__(self, sock: socket.socket, file: io.RawIOBase, wait: Callable[[], float]) -> None:
        self._sock, self._file, self._wait = sock, file, wait
        self.ended = False
        self.may_end = True  # http.client itself reports a connection that ends before the status

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        self._sock.settimeout(self._wait())
        try:
            size = self._sock.recv_into(buffer)
        except TimeoutError:
            raise
        except OSError as error:
            raise HungUp(str(error)) from error
        self.ended = size == 0
        if self.ended and not self.may_end:
            raise HungUp("the connection was closed within the body")
        return size

    def close(self) -> None:
        self._file.close()  # a socket stays open as long as one of its files is
        super().close()
