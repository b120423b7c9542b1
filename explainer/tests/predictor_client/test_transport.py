import socket
import struct
import time

import pytest
from captum_explainer.deadline import Deadline
from captum_explainer.predictor_client import http_connection, transport
from captum_explainer.predictor_client.transport import Connection, select_forwarded
from captum_serving.errors import BadGateway, DeadlineExceeded, Unavailable


@pytest.fixture
def connected(fake_predictor):
    return Connection(fake_predictor.host, False, None, 600.0)


@pytest.fixture
def in_turn(fake_predictor):
    """Lets the predictor answer its first request by the first of these functions, and so on; the last one stays."""

    def set_answers(*answers):
        left = list(answers)
        fake_predictor.answer = lambda handler, request: (left.pop(0) if len(left) > 1 else left[0])(handler)

    return set_answers


def reset(handler):
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def hang_up(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b"half")
    handler.close_connection = True


def garbage(handler):
    handler.wfile.write(b"220 mail.example.org ESMTP\r\n")
    handler.close_connection = True


def status(number, body=b"{}"):
    def answer(handler):
        handler.send_response(number)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def test_an_answer_is_handed_on_whatever_its_status(connected, in_turn):
    for number in (200, 302, 404, 500):
        in_turn(status(number, b"hello"))
        reply = connected.call("POST", "/v2/x", Deadline(5), b"body")
        assert (reply.status, reply.body) == (number, b"hello")


def test_the_request_is_sent_as_it_was_given(connected, fake_predictor):
    connected.call("POST", "/v2/x", Deadline(5), b"body", {"traceparent": "00-1"})
    (request,) = fake_predictor.requests
    assert (request.verb, request.path, request.body) == ("POST", "/v2/x", b"body")
    assert request.headers["traceparent"] == "00-1"


def test_an_answer_in_chunks_is_whole(connected, in_turn):
    def chunks(handler):
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for part in (b"ab", b"c" * 5000, b""):
            handler.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))

    in_turn(chunks)
    for _ in range(2):  # the connection goes on after it
        assert connected.call("GET", "/", Deadline(5)).body == b"ab" + b"c" * 5000


@pytest.mark.parametrize("failure", [reset, hang_up, status(503)])
def test_a_call_is_tried_again_after_a_passing_failure(failure, connected, in_turn, fake_predictor):
    in_turn(failure, failure, status(200, b"well"))
    assert connected.call("POST", "/", Deadline(5), b"body").body == b"well"
    assert [request.body for request in fake_predictor.requests] == [b"body"] * 3


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (reset, "closed the connection"),
        (hang_up, "closed the connection"),
        (status(503), "the predictor is overloaded or not ready; try again"),
    ],
)
def test_a_failure_that_does_not_pass_is_unavailable(failure, sentence, connected, in_turn, monkeypatch):
    monkeypatch.setattr(transport, "RETRY_SECONDS", 0.2)
    in_turn(failure)
    with pytest.raises(Unavailable, match=sentence):
        connected.call("GET", "/", Deadline(5))


def test_a_call_that_was_answered_by_a_503_is_tried_again_on_a_connection_of_its_own(
    connected, in_turn, fake_predictor
):
    ports = []
    overloaded, well = status(503), status(200)
    in_turn(
        lambda handler: (ports.append(handler.client_address), overloaded(handler)),
        lambda handler: (ports.append(handler.client_address), well(handler)),
    )
    assert connected.call("GET", "/", Deadline(5)).status == 200
    assert len(set(ports)) == 2


def test_tries_end_before_the_deadline(connected, in_turn):
    in_turn(status(503))
    started = time.monotonic()
    with pytest.raises(Unavailable):
        connected.call("GET", "/", Deadline(0.3))
    assert time.monotonic() - started < 0.3


def test_a_predictor_that_is_not_there_is_unavailable(monkeypatch):
    monkeypatch.setattr(transport, "RETRY_SECONDS", 0.1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(Unavailable, match=r"^the predictor cannot be reached; is it running\?$"):
            Connection(host, False, None, 600.0).call("GET", "/", Deadline(5))


def test_what_does_not_speak_http_is_a_bad_gateway_at_once(connected, in_turn, fake_predictor):
    in_turn(garbage)
    with pytest.raises(BadGateway, match="does not answer in HTTP"):
        connected.call("GET", "/", Deadline(5))
    assert len(fake_predictor.requests) == 1


def test_what_does_not_speak_tls_is_a_bad_gateway(fake_predictor):
    secure = Connection(fake_predictor.host, True, None, 600.0)
    with pytest.raises(BadGateway, match="does not speak TLS that is trusted here; see --predictor_ca_bundle"):
        secure.call("GET", "/", Deadline(5))


def sleepy(handler):
    time.sleep(1.0)
    status(200)(handler)


def test_of_deadline_and_read_time_out_the_one_that_is_over_is_named(fake_predictor, connected, in_turn):
    in_turn(sleepy)
    with pytest.raises(DeadlineExceeded, match=r"the explanation took longer than 0.2 s"):
        connected.call("GET", "/", Deadline(0.2))
    impatient = Connection(fake_predictor.host, False, None, 0.2)
    with pytest.raises(DeadlineExceeded, match=r"not answer within 0.2 s \(--predictor_request_timeout_seconds\)"):
        impatient.call("GET", "/", Deadline(5))


def test_a_deadline_that_is_over_sends_nothing(connected, fake_predictor):
    with pytest.raises(DeadlineExceeded):
        connected.call("GET", "/", Deadline(0.0))
    assert fake_predictor.requests == []


def test_an_answer_that_drips_ends_at_the_deadline(connected, in_turn):
    def drip(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        for _ in range(20):
            handler.wfile.write(b"x")
            time.sleep(0.05)

    in_turn(drip)
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        connected.call("GET", "/", Deadline(0.3))
    assert time.monotonic() - started < 0.6


def test_an_answer_without_end_is_refused(connected, in_turn, monkeypatch):
    monkeypatch.setattr(http_connection, "MAX_REPLY_BYTES", 99)
    in_turn(status(200, b"x" * 100))
    with pytest.raises(BadGateway, match="the predictor's answer has over 99 bytes"):
        connected.call("GET", "/", Deadline(5))


def test_credentials_and_traces_go_on_and_nothing_else():
    given = {
        "authorization": "Bearer a",
        "traceparent": "00-1",
        "tracestate": "b",
        "x-request-id": "c",
        "cookie": "secret",
        "host": "d",
        "content-length": "5",
    }
    kept = {"authorization", "traceparent", "tracestate", "x-request-id"}
    assert select_forwarded(given) == {name: given[name] for name in kept}
    assert select_forwarded({}) == {}
    assert select_forwarded(given | {"content-type": "e"}, "content-type") == {name: given[name] for name in kept} | {
        "content-type": "e"
    }
