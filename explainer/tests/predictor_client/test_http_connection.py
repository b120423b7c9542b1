import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from captum_explainer.predictor_client import http_connection, transport
from captum_explainer.predictor_client.transport import Connection
from captum_serving.errors import BadGateway, DeadlineExceeded, Unavailable

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def test_threads_take_turns_and_get_their_own_answers(serve, connect, ask, request_read):
    def echo(script, connection):
        while True:
            _, _, body = request_read(connection)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    connection = connect(serve([], talk=echo))
    bodies = [b"%d" % i for i in range(40)]
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda body: ask(connection, "POST", body=body).body, bodies))
    assert answers == bodies


def test_one_connection_serves_all_requests_while_it_is_kept_alive(serve, connect, ask):
    server = serve([[OK]] * 3)
    connection = connect(server)
    assert [ask(connection, path=f"/{i}").body for i in range(3)] == [b"ok"] * 3
    assert [line for line, _, _ in server.requests] == [f"GET /{i} HTTP/1.1" for i in range(3)]


def test_a_connection_that_the_server_says_it_closes_is_not_used_again(serve, connect, ask):
    last = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    server = serve([[last], [b"HTTP/1.1 500 Wrong\r\n\r\n"]], [[OK]])
    connection = connect(server)
    assert ask(connection).body == b"ok"
    assert ask(connection).status == 200


@pytest.mark.parametrize("more", [b"more", b"HTTP/1.1 500 Wrong\r\nContent-Length: 0\r\n\r\n"])
@pytest.mark.parametrize("late", [False, True])
def test_what_nobody_asked_for_answers_no_request(more, late, serve, connect, ask, request_read):
    said_more = threading.Event()

    def talk(script, connection):
        request_read(connection)
        connection.sendall(OK if late else OK + more)
        if late:
            time.sleep(0.05)
            connection.sendall(more)
        said_more.set()
        request_read(connection)
        connection.sendall(OK)

    connection = connect(serve([], [], talk=talk))
    assert ask(connection).body == b"ok"
    assert said_more.wait(5)
    assert ask(connection).body == b"ok"


def test_a_connection_that_the_server_closed_meanwhile_is_made_anew(serve, connect, ask):
    server = serve([[OK], None], [[OK]])
    connection = connect(server)
    assert ask(connection, "POST", body=b"first").body == b"ok"
    connection._http._http.sock.recv(1, socket.MSG_PEEK)  # returns when the server's end has come
    assert ask(connection, "POST", body=b"second").body == b"ok"
    assert [body for _, _, body in server.requests] == [b"first", b"second"]


def test_an_early_answer_to_a_body_that_is_not_taken_is_read(serve, connect, ask):
    def refuse(script, connection):
        connection.recv(1 << 10)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        # Closed with what is not read, the connection is reset while the client is sending.

    server = serve([], talk=refuse)
    assert ask(connect(server), "POST", body=b"x" * 50_000_000).status == 413


def test_a_request_is_sent_whole(serve, connect, ask):
    server = serve([[OK]] * 3)
    connection = connect(server)
    large = bytes(range(256)) * 8192
    ask(connection, "POST", "/v1/models/a b:predict?x=%20", {"X-A": "\u00e9", "Host": "other.example.com"}, large)
    ask(connection, "POST")
    ask(connection)
    (line, headers, body), (_, empty, _), (_, get, _) = server.requests
    assert line == "POST /v1/models/a%20b:predict?x=%20 HTTP/1.1"
    assert body == large
    assert headers == {
        "host": "other.example.com",
        "user-agent": "kserve-captum",
        "accept-encoding": "identity",
        "x-a": "\u00e9",
        "content-length": str(len(large)),
    }
    assert (empty["host"], empty["content-length"]) == (f"127.0.0.1:{server.port}", "0")
    assert "content-length" not in get


@pytest.mark.parametrize(
    ("name", "value"),
    [("X-A", "a\r\nX-B: c"), ("X-A", "a\nb"), ("X-A", "a\rb"), ("X-A", "\u20ac"), ("X-A: b\r\nX-B", "c")],
)
def test_a_header_cannot_bring_another(name, value, serve, connect, ask):
    server = serve([[OK]], [[OK]])
    connection = connect(server)
    with pytest.raises(ValueError, match=r"Invalid header|latin-1"):
        ask(connection, headers={name: value})
    assert ask(connection).status == 200
    assert len(server.requests) == 1


def test_silence_is_a_time_out(serve, connect, ask):
    with pytest.raises(DeadlineExceeded):
        ask(connect(serve([[OK[:30]]])), seconds=0.1)


def test_a_call_that_failed_leaves_nothing_to_the_next(serve, connect, ask, monkeypatch):
    server = serve([[OK]], [[OK]])
    connection = connect(server)
    monkeypatch.setattr(http_connection, "MAX_REPLY_BYTES", 1)
    with pytest.raises(BadGateway):
        ask(connection)
    monkeypatch.setattr(http_connection, "MAX_REPLY_BYTES", 2)
    assert ask(connection).body == b"ok"
    assert len(server.requests) == 2


def test_nobody_there_is_unavailable(serve, connect, ask):
    server = serve()
    server.close()
    with pytest.raises(Unavailable, match="cannot be reached"):
        ask(connect(server))


def test_the_environments_proxies_are_not_used(serve, connect, ask, monkeypatch):
    proxy = serve([[OK]])
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
    ask(connect(serve([[OK]])))
    assert proxy.requests == []


def test_a_host_may_have_a_name_of_any_script(serve, connect, monkeypatch, ask):
    server = serve([[OK]])
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *others: real("127.0.0.1", *others))
    assert ask(connect(server, host="\u4f8b\u3048.example")).body == b"ok"
    assert server.requests[0][1]["host"] == f"xn--r8jz45g.example:{server.port}"


def test_a_name_that_no_host_can_have_is_unavailable(ask, monkeypatch):
    monkeypatch.setattr(transport, "RETRY_SECONDS", 0.0)
    with pytest.raises(Unavailable, match="cannot be reached"):
        ask(Connection(f"{'a' * 64}.example:80", False, None, 600.0))


def test_a_host_may_be_an_ipv6_address(serve, connect, ask):
    server = serve([[OK]], family=socket.AF_INET6)
    assert ask(connect(server, host="[::1]")).body == b"ok"
    assert server.requests[0][1]["host"] == f"[::1]:{server.port}"


def test_an_address_without_a_host_is_refused():
    with pytest.raises(ValueError, match="has no host"):
        Connection(":80", False, None, 600.0)
