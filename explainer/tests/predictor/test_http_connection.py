import datetime
import gc
import socket
import ssl
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import urllib3
from captum_explainer.predictor.http_answer import Answer, HungUp, NotHttp
from captum_explainer.predictor.http_connection import HttpConnection, NotConnected, NoTls
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Scripted:
    """A server that gives each connection its script: for each request in turn an answer in parts, None hangs up."""

    def __init__(self, *scripts, family=socket.AF_INET, tls=None):
        self.requests = []
        self._scripts = scripts
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
            threading.Thread(target=self._talk, args=(script, connection), daemon=True).start()

    def _talk(self, script, connection):
        with connection:
            self._follow(script, connection)

    def _follow(self, script, connection):
        try:
            wrapped = self._tls.wrap_socket(connection, server_side=True) if self._tls else connection
        except OSError:
            return
        with wrapped:
            for parts in script:
                if parts is None:
                    return
                try:
                    self.requests.append(_request(wrapped))
                except EOFError:
                    return
                for part in parts:
                    wrapped.sendall(part)
            wrapped.recv(1)  # until the client hangs up


def _request(connection):
    got = b""
    while b"\r\n\r\n" not in got:
        got += _received(connection)
    head, _, body = got.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
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
    servers = []

    def start(*scripts, **options):
        servers.append(Scripted(*scripts, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def connect():
    connections = []

    def make(server, scheme="http", host="127.0.0.1", ca_bundle=None):
        connections.append(HttpConnection(f"{scheme}://{host}:{server.port}", ca_bundle))
        return connections[-1]

    yield make
    for connection in connections:
        connection.close()


def ask(connection, verb="GET", path="/", headers=(), body=b"", seconds=5.0, watch=lambda size: None):
    return connection.request(verb, path, dict(headers), body, seconds, lambda: seconds, watch)


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
def test_an_answer_is_what_urllib3_makes_of_it(name, serve, connect):
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
def test_an_answer_without_a_length_ends_with_the_connection(coding, serve, connect):
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
def test_an_end_that_comes_early_is_a_hang_up(begun, serve, connect):
    with pytest.raises(HungUp):
        ask(connect(serve([[begun], None])))


def test_threads_take_turns_and_get_their_own_answers(serve, connect):
    class Echoing(Scripted):
        def _follow(self, script, connection):
            with suppress(EOFError):
                while True:
                    _, _, body = _request(connection)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    server = Echoing([])
    try:
        connection = connect(server)
        bodies = [b"%d" % i for i in range(40)]
        with ThreadPoolExecutor(4) as threads:
            answers = list(threads.map(lambda body: ask(connection, "POST", body=body).body, bodies))
        assert answers == bodies
    finally:
        server.close()


def test_one_connection_serves_all_requests_while_it_is_kept_alive(serve, connect):
    server = serve([[OK]] * 3)
    connection = connect(server)
    assert [ask(connection, path=f"/{i}").body for i in range(3)] == [b"ok"] * 3
    assert [line for line, _, _ in server.requests] == [f"GET /{i} HTTP/1.1" for i in range(3)]


@pytest.mark.parametrize("last", [OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), OK + b"more", OK + OK])
def test_a_connection_is_not_used_again_that_the_server_closes_or_says_too_much_on(last, serve, connect):
    server = serve([[last], [b"HTTP/1.1 500 Wrong\r\n\r\n"]], [[OK]])
    connection = connect(server)
    assert ask(connection).body == b"ok"
    assert ask(connection).status == 200


def test_a_connection_that_the_server_closed_meanwhile_is_made_anew(serve, connect):
    server = serve([[OK], None], [[OK]])
    connection = connect(server)
    assert ask(connection, "POST", body=b"first").body == b"ok"
    connection._socket.recv(1, socket.MSG_PEEK)  # returns when the server's end has come
    assert ask(connection, "POST", body=b"second").body == b"ok"
    assert [body for _, _, body in server.requests] == [b"first", b"second"]


def test_an_early_answer_to_a_body_that_is_not_taken_is_read(serve, connect):
    class Refusing(Scripted):
        def _follow(self, script, connection):
            connection.recv(1 << 10)
            connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            # Closed with what is not read, the connection is reset while the client is sending.

    server = Refusing([])
    try:
        assert ask(connect(server), "POST", body=b"x" * 50_000_000).status == 413
    finally:
        server.close()


def test_a_request_is_sent_whole(serve, connect):
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
def test_a_header_cannot_bring_another(name, value, serve, connect):
    server = serve([[OK]])
    connection = connect(server)
    with pytest.raises(ValueError, match=r"expected none|latin-1"):
        ask(connection, headers={name: value})
    assert ask(connection).status == 200
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "said",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1 101 Up\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n",
    ],
)
def test_what_is_no_http_is_told_from_a_hang_up(said, serve, connect):
    with pytest.raises(NotHttp):
        ask(connect(serve([[said]])))


def test_what_watches_is_told_what_comes(serve, connect):
    sizes = []
    ask(connect(serve([ANSWERS["large"]])), watch=sizes.append)
    assert sizes == sorted(sizes)
    assert sizes[-1] == sum(map(len, ANSWERS["large"]))


def test_what_watches_is_told_of_what_is_announced_before_it_comes(serve, connect):
    def watch(size):
        raise KeyError(size)

    with pytest.raises(KeyError, match=str(10**12)):
        ask(connect(serve([[b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % 10**12]])), watch=watch)


def test_what_the_watch_raises_ends_the_request_and_the_connection(serve, connect):
    server = serve([[OK]], [[OK]])
    connection = connect(server)

    def watch(size):
        raise KeyError(size)

    with pytest.raises(KeyError):
        ask(connection, watch=watch)
    assert ask(connection).status == 200


def test_silence_is_a_time_out(serve, connect):
    with pytest.raises(TimeoutError):
        ask(connect(serve([[OK[:30]]])), seconds=0.1)


def test_nobody_there_is_not_connected(serve, connect):
    server = serve()
    server.close()
    with pytest.raises(NotConnected):
        ask(connect(server))


def test_a_host_may_have_a_name_of_any_script(serve, connect, monkeypatch):
    server = serve([[OK]])
    real = socket.create_connection
    monkeypatch.setattr(socket, "create_connection", lambda address, seconds: real(("127.0.0.1", address[1]), seconds))
    assert ask(connect(server, host="\u4f8b\u3048.example")).body == b"ok"
    assert server.requests[0][1]["host"] == f"xn--r8jz45g.example:{server.port}"


def test_a_name_that_no_host_can_have_is_not_connected():
    with pytest.raises(NotConnected):
        ask(HttpConnection(f"http://{'a' * 64}.example:80", None))


def test_a_host_may_be_an_ipv6_address(serve, connect):
    server = serve([[OK]], family=socket.AF_INET6)
    assert ask(connect(server, host="[::1]")).body == b"ok"
    assert server.requests[0][1]["host"] == f"[::1]:{server.port}"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A server's side of TLS for `localhost`, and the file of the certificate that it signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    folder = tmp_path_factory.mktemp("tls")
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )
    (folder / "certificate.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context, str(folder / "certificate.pem")


def test_tls_by_a_certificate_that_is_trusted(certificate, serve, connect):
    context, bundle = certificate
    server = serve([[OK]] * 2, tls=context)
    connection = connect(server, "https", "localhost", bundle)
    assert [ask(connection).body for _ in range(2)] == [b"ok"] * 2  # on one connection


@pytest.mark.parametrize(("host", "trusted"), [("localhost", False), ("127.0.0.1", True)])
def test_a_certificate_of_nobody_that_is_known_or_of_another_name_is_refused(
    host, trusted, certificate, serve, connect
):
    context, bundle = certificate
    with pytest.raises(NoTls):
        ask(connect(serve([], tls=context), "https", host, bundle if trusted else None))


def test_a_file_of_no_certificates_is_told_when_it_is_needed(certificate, serve, connect, tmp_path):
    context, _ = certificate
    for missing in (tmp_path / "missing.pem", tmp_path / "empty.pem"):
        (tmp_path / "empty.pem").write_text("no certificate")
        with pytest.raises(NoTls):
            ask(connect(serve([], tls=context), "https", "localhost", str(missing)))


def test_a_hang_up_within_tls_is_one(certificate, serve, connect):
    context, bundle = certificate
    with pytest.raises(HungUp):
        ask(connect(serve([[OK[:30]], None], tls=context), "https", "localhost", bundle))


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


def test_a_url_without_a_host_is_refused():
    with pytest.raises(ValueError, match="has no host"):
        HttpConnection("http://:80", None)
