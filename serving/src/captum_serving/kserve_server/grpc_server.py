"""kserve's gRPC server, on a given address and a port of its own."""

from typing import Any

from grpc import aio
from kserve.logging import logger
from kserve.protocol.grpc import grpc_predict_v2_pb2_grpc
from kserve.protocol.grpc.interceptors import ExceptionToStatusInterceptor
from kserve.protocol.grpc.server import GRPCServer
from kserve.protocol.grpc.servicer import InferenceServicer


class BoundGrpcServer(GRPCServer):  # type: ignore[misc]  # kserve is untyped
    """kserve's own listens on every interface, shares its port silently (SO_REUSEPORT), and logs each call."""

    def __init__(self, host: str, port: int, dataplane: Any, repository: Any, **arguments: Any) -> None:  # noqa: ANN401 - kserve's own
        super().__init__(port, dataplane, repository, **arguments)
        self._address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    async def start(self, max_workers: int) -> None:
        """Serve until `stop`. `max_workers` is kserve's, for synchronous handlers: there are none."""
        self._server = aio.server(
            interceptors=(ExceptionToStatusInterceptor(),),
            options=[
                ("grpc.so_reuseport", 0),
                ("grpc.max_send_message_length", self._kwargs["grpc_max_send_message_length"]),
                ("grpc.max_receive_message_length", self._kwargs["grpc_max_receive_message_length"]),
            ],
        )
        servicer = InferenceServicer(self._data_plane, self._model_repository_extension)
        grpc_predict_v2_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(servicer, self._server)
        self._server.add_insecure_port(self._address)
        logger.info("Starting gRPC server on %s", self._address)
        await self._server.start()
        await self._server.wait_for_termination()
