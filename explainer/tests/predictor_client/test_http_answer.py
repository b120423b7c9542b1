import gc
import weakref

import pytest
import urllib3
from captum_explainer.predictor_client.http_answer import Answer, HungUp, NotHttp

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ANSWERS = {
    "length": [OK],
    "byte by byte": [OK[i : i + 1] for i in range(len(OK))],
    "no body": [b"HTTP/1.1 204 No Content\r\n\r\n"],
    "chunks": [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", b"2;x=y\r\nde\r\n0\r\n\r\n"],
    "trailers": [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n"],
    "an interim answer": [b"HTTP/1.1 100 Continue\r\nX-A: b\r\n\r\n", OK],
    "an error": [b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy"],
    "large": [b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n", b"0123456789" * 300_000],
    "Latin-1": ["HTTP/1.1 200 Tr\u00e8s bien\r\nX-Name: \u00e9\r\nContent-Length: 0\r\n\r\n".encode("latin-1")],
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_what_urllib3_makes_of_it(name, serve, connect, ask):
    server = serve([ANSWERS[name]], [ANSWERS[name]])
    reply = ask(connect(server))
    with urllib3.PoolManager(retries=False) as reference:
        expected = reference.request("GET", f"http://127.0.0.1:{server.port}/")
    assert (reply.status, reply.body) == (expected.status, expected.data)
    trailers = {"x-sum"}  # which urllib3 leaves out
    assert {n: v for n, v in reply.headers.items() if n not in trailers} == {
        n.lower(): v for n, v in expected.headers.items()
    }


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
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ],
)
def test_an_end_that_comes_early_is_a_hang_up(begun, serve, connect, ask):
    with pytest.raises(HungUp):
        ask(connect(serve([[begun], None])))


@pytest.mark.parametrize(
    "said",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1 101 Up\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n",
    ],
)
def test_what_is_no_http_is_told_from_a_hang_up(said, serve, connect, ask):
    with pytest.raises(NotHttp):
        ask(connect(serve([[said]])))


def test_what_watches_is_told_what_comes(serve, connect, ask):
    sizes = []
    ask(connect(serve([ANSWERS["large"]])), watch=sizes.append)
    assert sizes == sorted(sizes)
    assert sizes[-1] == sum(map(len, ANSWERS["large"]))


def test_what_watches_is_told_of_what_is_announced_before_it_comes(serve, connect, ask):
    def watch(size):
        raise KeyError(size)

    with pytest.raises(KeyError, match=str(10**12)):
        ask(connect(serve([[b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % 10**12]])), watch=watch)


def test_an_answer_waits_for_no_garbage_collector():
    gc.disable()
    try:
        answer = Answer()
        answer.feed(memoryview(OK))
        answer.reply()
        gone = weakref.ref(answer)
        del answer
        assert gone() is None
    finally:
        gc.enable()
