import socket
import threading
from contextlib import ExitStack, closing, suppress

import pytest
from captum_explainer.deadline import Deadline
from captum_explainer.predictor_client import transport
from captum_explainer.predictor_client.transport import Connection


class Scripted:
    """A server that gives each connection its script: for each request in turn an answer in parts, None hangs up.

    Or `talk(script, connection)` says what happens on it.
    """

    def __init__(self, *scripts, family=socket.AF_INET, tls=None, talk=None):
        self.requests = []
        self._scripts = scripts
        self._talk = talk or self._follow
        self._tls = tls
        self._listening = socket.create_server(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0), family=family)
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self):
        if self._thread.is_alive():
            # Accepting does not end when a socket is closed that is waited at.
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(10)

    def _serve(self):
        for script in self._scripts:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve_one, args=(script, connection), daemon=True).start()

    def _serve_one(self, script, connection):
        with connection, suppress(OSError, EOFError):  # the client may hang up at any moment
            wrapped = self._tls.wrap_socket(connection, server_side=True) if self._tls else connection
            with wrapped:
                self._talk(script, wrapped)

    def _follow(self, script, connection):
        for parts in script:
            if parts is None:
                return
            self.requests.append(read_request(connection))
            for part in parts:
                connection.sendall(part)
        connection.recv(1)  # until the client hangs up


def read_request(connection):
    got = b""
    while b"\r\n\r\n" not in got:
        got += _received(connection)
    head, _, body = got.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
    while len(body) < int(headers.get("content-length", 0)):
        body += _received(connection)
    return lines[0], headers, body


def _received(connection):
    part = connection.recv(1 << 16)
    if not part:
        raise EOFError
    return part


@pytest.fixture
def serve():
    with ExitStack() as servers:
        yield lambda *scripts, **options: servers.enter_context(closing(Scripted(*scripts, **options)))


@pytest.fixture
def connect(monkeypatch):
    """Makes connections that try every call once."""
    monkeypatch.setattr(transport, "RETRY_SECONDS", 0.0)
    with ExitStack() as connections:

        def make(server, tls=False, host="127.0.0.1", ca_bundle=None):
            connection = Connection(f"{host}:{server.port}", tls, ca_bundle, 600.0)
            return connections.enter_context(closing(connection))

        yield make


@pytest.fixture
def ask():
    """Calls by a connection; most tests care for only some of the arguments."""

    def call(connection, verb="GET", path="/", headers=(), body=b"", seconds=5.0):
        return connection.call(verb, path, Deadline(seconds), body, dict(headers))

    return call


@pytest.fixture
def request_read():
    """Reads a request from a connection: its first line, its headers, its body."""
    return read_request
