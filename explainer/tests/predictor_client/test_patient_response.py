import gc
import time

import pytest
from captum_explainer.predictor_client import http_connection
from captum_serving.errors import BadGateway, DeadlineExceeded, Unavailable

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LARGE = b"0123456789" * 300_000
ANSWERS = {
    "length": ([OK], 200, b"ok"),
    "byte by byte": ([OK[i : i + 1] for i in range(len(OK))], 200, b"ok"),
    "no body": ([b"HTTP/1.1 204 No Content\r\n\r\n"], 204, b""),
    "chunks": (
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", b"2;x=y\r\nde\r\n0\r\n\r\n"],
        200,
        b"abcde",
    ),
    "trailers": (
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n"],
        200,
        b"a",
    ),
    "an interim answer": ([b"HTTP/1.1 100 Continue\r\nX-A: b\r\n\r\n", OK], 200, b"ok"),
    "two other interim answers": (
        [b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nX-A: b\r\n\r\n", OK],
        200,
        b"ok",
    ),
    "an error": (
        [b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy"],
        500,
        b"busy",
    ),
    "large": ([b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n", LARGE], 200, LARGE),
    "compressed by a name only": (
        [b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok"],
        200,
        b"ok",
    ),
    "a redirect": ([b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"], 302, b""),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_read_whole(name, serve, connect, ask):
    parts, status, body = ANSWERS[name]
    server = serve([parts, parts], [parts])
    connection = connect(server)
    for _ in range(2):  # the connection goes on, or a new one is made
        reply = ask(connection)
        assert (reply.status, reply.body) == (status, body)


def test_headers_are_in_lower_case_and_hold_latin_1(serve, connect, ask):
    server = serve([["HTTP/1.1 200 Tr\u00e8s bien\r\nX-Name: \u00e9\r\nContent-Length: 0\r\n\r\n".encode("latin-1")]])
    assert ask(connect(server)).headers == {"x-name": "\u00e9", "content-length": "0"}


@pytest.mark.parametrize("coding", [b"", b"\r\nTransfer-Encoding: identity"])
def test_an_answer_without_a_length_ends_with_the_connection(coding, serve, connect, ask):
    server = serve([[b"HTTP/1.1 200 OK%b\r\n\r\nall " % coding, b"of it"], None], [[OK]])
    connection = connect(server)
    assert ask(connection).body == b"all of it"
    assert ask(connection).body == b"ok"


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\nhalf",
    ],
)
def test_an_end_that_comes_early_is_a_hang_up(begun, serve, connect, ask):
    with pytest.raises(Unavailable, match="closed the connection"):
        ask(connect(serve([[begun], None])))


@pytest.mark.parametrize(
    "said",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1 101 Up\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno number\r\n",
        b"\x15\x03\x01\x00\x02\x02F",  # what a server of TLS says to a request without it
    ],
)
def test_what_is_no_http_is_told_from_a_hang_up(said, serve, connect, ask):
    with pytest.raises(BadGateway, match="does not answer in HTTP"):
        ask(connect(serve([[said], None])))


@pytest.mark.parametrize(
    "drip",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nX-A: %b" % (b"a" * 100), id="headers"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"a" * 100, id="body"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 20, id="chunks"),
    ],
)
def test_an_answer_that_drips_ends_at_the_deadline(drip, serve, connect, ask, request_read):
    def talk(script, connection):
        request_read(connection)
        for i in range(len(drip)):
            connection.sendall(drip[i : i + 1])
            time.sleep(0.02)

    started = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        ask(connect(serve([], talk=talk)), seconds=0.3)
    assert time.monotonic() - started < 0.6


def test_an_answer_that_is_announced_too_large_is_refused_before_it_comes(serve, connect, ask):
    with pytest.raises(BadGateway, match="the predictor's answer has over"):
        ask(connect(serve([[b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % 10**12]])))


@pytest.mark.parametrize("chunked", [False, True])
def test_an_answer_that_is_too_large_is_refused_while_it_comes(chunked, serve, connect, ask, monkeypatch):
    monkeypatch.setattr(http_connection, "MAX_REPLY_BYTES", 99)
    body = b"64\r\n%b\r\n" if chunked else b"%b"
    answer = b"HTTP/1.1 200 OK\r\n" + b"Transfer-Encoding: chunked\r\n" * chunked + b"\r\n" + body % (b"a" * 100)
    with pytest.raises(BadGateway, match="the predictor's answer has over 99 bytes"):
        ask(connect(serve([[answer]])))  # and the server says no more, and does not hang up


def test_an_answer_of_the_greatest_size_is_taken(serve, connect, ask, monkeypatch):
    monkeypatch.setattr(http_connection, "MAX_REPLY_BYTES", 99)
    assert len(ask(connect(serve([[b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * 99], None]))).body) == 99


def test_answers_wait_for_no_garbage_collector(serve, connect, ask):
    connection = connect(serve([[OK]] * 3))
    ask(connection)
    gc.collect()
    gc.disable()
    try:
        ask(connection)
        gc.set_debug(gc.DEBUG_SAVEALL)
        ask(connection)
        gc.collect()
        assert [kept for kept in gc.garbage if "response" in type(kept).__name__.lower()] == []
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
