"""A call that ends grpcio's own server, byte by byte: no gRPC client sends one."""

import asyncio
import socket
import threading
from concurrent.futures import Future

import grpc
import pytest
from captum_serving.kserve_server.data_plane import FixedRepository, TruthfulDataPlane
from captum_serving.kserve_server.grpc_server import ENDED, BoundGrpcServer
from kserve import ModelRepository
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import GRPCInferenceServiceStub

LIMITS = {"grpc_max_send_message_length": 1000, "grpc_max_receive_message_length": 1000}


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    begun = Future()

    async def serve():
        plane = TruthfulDataPlane(ModelRepository())
        server = BoundGrpcServer(
            "127.0.0.1", port, plane, FixedRepository(ModelRepository()), kwargs=LIMITS, grace_period=0
        )
        begun.set_result((server, asyncio.get_running_loop()))
        await server.start(1)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    server, loop = begun.result(10)
    yield port
    asyncio.run_coroutine_threadsafe(server.stop(), loop)
    thread.join()


def is_live(port):
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = GRPCInferenceServiceStub(channel).ServerLive
        return call(pb.ServerLiveRequest(), timeout=10, wait_for_ready=True).live


def call_path(port, path):
    """Send one HTTP/2 HEADERS frame for a call, and read until the server says or does something."""

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


def test_a_path_that_is_not_utf8_ends_no_server(port, caplog):
    assert is_live(port)
    before = ENDED._value.get()
    for number in range(1, 4):
        call_path(port, b"/\xff\xfe/x")
        assert is_live(port)
        assert ENDED._value.get() == before + number
    told = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert len(told) == 1
    assert told[0].startswith("the gRPC server ended, and a new one began: UnicodeDecodeError")
