"""A call that ends grpcio's own server, byte by byte: no gRPC client sends one."""

import re
import socket
import urllib.request

import grpc
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import GRPCInferenceServiceStub


def is_live(port):
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = GRPCInferenceServiceStub(channel).ServerLive
        return call(pb.ServerLiveRequest(), timeout=10, wait_for_ready=True).live


def call_path(port, path):
    """Send one HTTP/2 HEADERS frame for a call, and read until the server answers or hangs up."""

    def frame(kind, flags, stream, payload):
        return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload

    def field(name, value):  # a literal of HPACK
        return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value

    headers = b"\x83\x86" + field(b":path", path) + field(b":authority", b"x")
    headers += field(b"content-type", b"application/grpc") + field(b"te", b"trailers")
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"") + frame(1, 5, 1, headers))
        received = b""
        while b"grpc-status" not in received and (part := client.recv(1000)):
            received += part


def count_ended(http_port):
    metrics = urllib.request.urlopen(f"http://127.0.0.1:{http_port}/metrics", timeout=5).read().decode()
    return float(re.search(r"^captum_grpc_server_ended_total (\S+)", metrics, re.MULTILINE)[1])


def test_a_path_that_is_not_utf8_ends_no_server(running):
    process, http_port, grpc_port, log = running
    assert is_live(grpc_port)
    for number in range(1, 4):
        call_path(grpc_port, b"/\xff\xfe/x")
        assert is_live(grpc_port)
        assert count_ended(http_port) == number
    assert process.poll() is None
    text = log.read_text()
    assert text.count("the gRPC server ended, and a new one began: UnicodeDecodeError") == 1
    assert "Traceback" not in text
