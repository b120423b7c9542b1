"""HTTP/1.1 over one connection that is kept alive.

urllib3 and http.client take 0.5 ms of CPU a call, most of it in headers; an explanation of one image waits for each.
"""

from __future__ import annotations

import select
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from urllib.parse import quote, urlsplit

from captum_explainer.predictor_client.http_answer import Answer, HungUp, Reply

BUFFER_BYTES = 1 << 18
PORTS = {"http": 80, "https": 443}
# What RFC 3986 lets stand in a path and its query, and escapes that are there already.
PATH_CHARACTERS = "/?:@!$&'()*+,;=~%"


class NotConnected(Exception):
    """There was no connection to be had."""


class NoTls(Exception):
    """What listens there does not speak TLS that is trusted."""


class HttpConnection:
    """Requests to one address, one after the other; connected when it is needed, and anew where the server hung up.

    Of a URL `scheme://host:port` the scheme is http or https; with https the certificates of `ca_bundle` are trusted
    instead of the system's.
    """

    _socket: socket.socket | None = None

    def __init__(self, url: str, ca_bundle: str | None) -> None:
        parts = urlsplit(url)
        if not parts.hostname:
            raise ValueError(f"{url!r} has no host")
        self._host, self._port = parts.hostname, parts.port or PORTS[parts.scheme]
        netloc = parts.netloc.rpartition("@")[2]
        self._host_header = netloc if netloc.isascii() else netloc.encode("idna").decode()
        self._uses_tls, self._ca_bundle = parts.scheme == "https", ca_bundle
        self._turn = threading.Lock()
        self._buffer = memoryview(bytearray(BUFFER_BYTES))

    def request(
        self,
        verb: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        connect_seconds: float,
        patience: Callable[[], float],
        watch: Callable[[int], object],
    ) -> Reply:
        """Send a request, and read its answer.

        Args:
            verb: GET, POST and the like, but not HEAD.
            path: From the first slash on; what may not stand there is escaped.
            headers: Those beside Content-Length; Host may be among them.
            body: What follows them.
            connect_seconds: So long it may take to connect.
            patience: How many seconds the server may say nothing from now on; it is asked each time before waiting.
            watch: Is told how many bytes have come, or are announced, whenever there are more.

        What `patience` and `watch` raise ends the request. A thread waits for its turn, and no other's answer.

        Raises:
            NotConnected: Nobody listens there, or not in time.
            NoTls: What listens does not speak TLS that is trusted.
            TimeoutError: The server said nothing for too long.
            HungUp: The connection ended early.
            NotHttp: The answer is no HTTP.
            ValueError: A header holds a line's end, or characters beyond Latin-1.
        """
        head = self._head(verb, path, headers, body)
        with self._turn:
            try:
                connected = self._connected(connect_seconds)
                connected.settimeout(patience())
                _send(connected, head, body)
                answer = Answer()
                while not answer.complete:
                    connected.settimeout(patience())
                    size = connected.recv_into(self._buffer)
                    answer.feed(self._buffer[:size])
                    watch(answer.size)
            except BaseException as error:
                self.close()
                # Python's own time-outs have no number: with one, the system has given the connection up.
                if isinstance(error, OSError) and not (isinstance(error, TimeoutError) and error.errno is None):
                    raise HungUp(str(error)) from error
                raise
            if not answer.keeps_alive:
                self.close()
        return answer.reply()

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Hang up; the next request connects anew."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connected(self, seconds: float) -> socket.socket:
        # Between two answers a server has nothing to say but that it hangs up.
        if self._socket is not None and _has_something_to_say(self._socket):
            self.close()
        if self._socket is None:
            self._socket = self._connect(seconds)
        return self._socket

    def _connect(self, seconds: float) -> socket.socket:
        try:
            connected = socket.create_connection((self._host, self._port), seconds)
        except (OSError, UnicodeError) as error:  # the latter of a name that no host can have
            raise NotConnected(str(error)) from error
        try:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._uses_tls:
                return self._trusting().wrap_socket(connected, server_hostname=self._host)
        except BaseException as error:
            connected.close()
            if isinstance(error, ssl.SSLError):
                raise NoTls(str(error)) from error
            if isinstance(error, OSError):
                raise NotConnected(str(error)) from error
            raise
        return connected

    def _trusting(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self._ca_bundle)
        except OSError as error:  # no such file, or no certificates in it
            raise NoTls(str(error)) from error

    def _head(self, verb: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
        given = {name.lower(): value for name, value in headers.items()}
        own = {"host": self._host_header, "user-agent": "kserve-captum", "accept-encoding": "identity"}
        sent = own | given
        if body or verb != "GET":
            sent["content-length"] = str(len(body))
        for name, value in sent.items():
            if "\r" in name + value or "\n" in name + value:
                raise ValueError(f"the header {name!r} holds a line's end; expected none")
        lines = [f"{verb} {quote(path, safe=PATH_CHARACTERS)} HTTP/1.1", *(f"{name}: {sent[name]}" for name in sent)]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _has_something_to_say(connected: socket.socket) -> bool:
    poll = select.poll()
    poll.register(connected, select.POLLIN)
    return bool(poll.poll(0))


def _send(connected: socket.socket, head: bytes, body: bytes) -> None:
    # A server that refuses a body may answer, and hang up, before it has all of it: what it says is read in any case.
    with suppress(ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
        if len(body) < BUFFER_BYTES:
            connected.sendall(head + body)
        else:
            connected.sendall(head)
            connected.sendall(body)
