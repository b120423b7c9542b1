"""Clients that are slow, send too much, or are too many, against uvicorn with our protocol on the loopback."""

import json
import socket
import threading
import time
from contextlib import ExitStack, closing, contextmanager, suppress

import pytest
import uvicorn
from captum_serving.boundary import connection as connection_module
from captum_serving.boundary.connection import Connection
from captum_serving.boundary.front import build_application
from captum_serving.boundary.limits import Bodies
from captum_serving.boundary.route import Route
from captum_serving.limits import ClientLimits
from starlette.responses import JSONResponse, Response

LARGE = 16 * 2**20
QUICK = ClientLimits(
    max_connections=8, max_header_bytes=4096, header_seconds=0.6, pause_seconds=0.6, body_seconds=1.5, write_seconds=0.6
)


async def length(request):
    return JSONResponse(len(await request.body()))


async def large(request):
    return Response(bytes(LARGE))


async def alive(request):
    return JSONResponse("alive")


ROUTES = [Route("POST", "/length", length), Route("GET", "/large", large), Route("GET", "/", alive)]


class Server:
    def __init__(self, limits):
        app = build_application(ROUTES, "server", Bodies(ClientLimits(max_body_bytes=LARGE)))
        protocol = type("Limited", (Connection,), {"limits": limits})
        self.uvicorn = uvicorn.Server(
            uvicorn.Config(app, http=protocol, ws="none", log_config=None, timeout_keep_alive=30)
        )
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def connect(self):
        return closing(socket.create_connection(("127.0.0.1", self.port), timeout=10))

    def ask(self, *parts, pause=0.0):
        """Send the parts with pauses between them; return the status and the body of the answer, None without one."""
        with self.connect() as client:
            for part in parts:
                with suppress(ConnectionError):  # the server may have hung up
                    client.sendall(part)
                time.sleep(pause)
            return read_answer(client)

    @property
    def open_connections(self):
        return len(self.uvicorn.server_state.connections)


def read_answer(client):
    head, _, rest = read_until(client, b"\r\n\r\n").partition(b"\r\n\r\n")
    if not head:
        return None
    size = int(head.lower().split(b"content-length:")[1].split()[0])
    while len(rest) < size:
        rest += client.recv(2**16)
    return int(head.split()[1]), json.loads(rest)


def read_until(client, end):
    received = b""
    with suppress(ConnectionError):
        while end not in received and (part := client.recv(2**16)):
            received += part
    return received


@contextmanager
def serving(limits):
    server = Server(limits)
    thread = threading.Thread(target=server.uvicorn.run, kwargs={"sockets": [server.socket]})
    thread.start()
    try:
        while not server.uvicorn.started:
            time.sleep(0.01)
        yield server
    finally:
        server.uvicorn.should_exit = server.uvicorn.force_exit = True
        thread.join()
        server.socket.close()


@pytest.fixture(scope="module")
def quick():
    with pytest.MonkeyPatch.context() as patch, serving(QUICK) as server:
        patch.setattr(connection_module, "CHECK_SECONDS", 0.1)
        patch.setattr(connection_module, "BYTES_A_SECOND", 4 * 2**20)
        yield server


@pytest.fixture(autouse=True)
def alone(request):
    """Each test begins without the connections of another."""
    if "quick" in request.fixturenames:
        server = request.getfixturevalue("quick")
        wait_for(lambda: server.open_connections == 0)


def wait_for(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "not within the time"
        time.sleep(0.02)


POST = b"POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def test_a_request_is_answered_and_its_connection_kept(quick):
    with quick.connect() as client:
        for size in (0, 5, 2**20):
            client.sendall(POST % size + bytes(size))
            assert read_answer(client) == (200, size)


def test_idle_connections_are_kept_longer_than_headers_may_take(quick):
    with quick.connect() as client:
        for _ in range(2):
            client.sendall(GET)
            assert read_answer(client) == (200, "alive")
            time.sleep(1.2)


def test_headers_may_be_as_long_as_the_limit(quick):
    line = b"X-Long: " + b"a" * (QUICK.max_header_bytes - 200)
    assert quick.ask(b"GET / HTTP/1.1\r\nHost: x\r\n" + line + b"\r\n\r\n") == (200, "alive")


@pytest.mark.parametrize(
    "headers",
    [
        b"X-Long: " + b"a" * 5000,
        b"X-Many: a\r\n" * 500,
        b"X-Long: " + b"a" * 2**20,
        b"X-" + b"a" * 5000 + b": a",
    ],
    ids=["a long line", "many lines", "a line without an end", "a long name"],
)
def test_longer_headers_are_refused(quick, headers):
    status, answer = quick.ask(b"GET / HTTP/1.1\r\nHost: x\r\n" + headers)
    assert (status, answer) == (431, {"error": "the headers have more than 4096 bytes; expected fewer"})
    wait_for(lambda: quick.open_connections == 0)


def test_the_limit_is_each_requests_own(quick):
    with quick.connect() as client:
        for _ in range(5):
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 2000 + b"\r\n\r\n")
            assert read_answer(client) == (200, "alive")


def test_headers_that_never_end_are_refused_in_time(quick):
    begun = time.monotonic()
    with quick.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\n")
        for number in range(20):
            with suppress(ConnectionError):
                client.sendall(b"X-%d: a\r\n" % number)
            time.sleep(0.1)
        assert read_answer(client) == (408, {"error": "the headers were not complete after 0.6 s"})
    assert time.monotonic() - begun < 4


def test_a_connection_that_says_nothing_is_closed(quick):
    with quick.connect() as client:
        assert read_answer(client) is None


def test_a_body_that_stops_is_refused(quick):
    assert quick.ask(POST % 100 + b"a" * 50) == (408, {"error": "no byte of the body came for 0.6 s"})


def test_a_body_that_drips_is_refused(quick):
    status, answer = quick.ask(POST % 100, *[b"a"] * 30, pause=0.1)
    assert (status, answer) == (408, {"error": "the body was not complete after 1.5 s"})


def test_a_slow_body_within_the_limits_is_read(quick):
    assert quick.ask(POST % 3, b"a", b"b", b"c", pause=0.4) == (200, 3)


def test_a_client_that_does_not_read_is_left(quick):
    with quick.connect() as client:
        client.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_for(lambda: quick.open_connections == 1)
        wait_for(lambda: quick.open_connections == 0, 0.6 + LARGE / 2**22 + 5)


def test_a_client_that_reads_slowly_gets_all(quick):
    with quick.connect() as client:
        client.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        received = 0
        for _ in range(8):
            received += len(client.recv(LARGE // 8))
            time.sleep(0.25)
        while part := client.recv(2**20):
            received += len(part)
            if received >= LARGE:
                break
        assert received >= LARGE


def test_a_client_too_many_is_refused_and_a_probe_is_answered(quick):
    with ExitStack() as stack:
        for _ in range(QUICK.max_connections):
            client = stack.enter_context(quick.connect())
            client.sendall(GET)
            assert read_answer(client) == (200, "alive")
        assert quick.ask(POST % 0) == (503, {"error": "8 connections are open; try again later"})
        assert quick.ask(GET) == (200, "alive")


def test_beyond_the_reserve_the_server_hangs_up(quick, monkeypatch):
    monkeypatch.setattr(connection_module, "RESERVED", 0)
    with ExitStack() as stack:
        for _ in range(QUICK.max_connections):
            stack.enter_context(quick.connect())
        wait_for(lambda: quick.open_connections == QUICK.max_connections)
        assert quick.ask(GET) is None


def test_what_is_no_request_gets_a_sentence(quick):
    status, answer = quick.ask(b"\x16\x03\x01 a TLS client\r\n\r\n")
    assert status == 400
    assert answer["error"].startswith("the request is not HTTP/1.1; expected")


def test_garbage_behind_a_request_does_not_answer_it(quick, caplog):
    assert quick.ask(POST % 3 + b"abc" + b"\x00garbage\r\n\r\n") == (200, 3)
    assert not caplog.records, "below debug nothing is told of a client that does not speak HTTP"
