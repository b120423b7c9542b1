"""kserve's gRPC server, on a given address and a port of its own."""

import asyncio
import logging
from typing import Any

from grpc import aio
from kserve.logging import logger
from kserve.protocol.grpc import grpc_predict_v2_pb2_grpc
from kserve.protocol.grpc.interceptors import ExceptionToStatusInterceptor
from kserve.protocol.grpc.server import GRPCServer
from kserve.protocol.grpc.servicer import InferenceServicer
from prometheus_client import Counter

from captum_serving.errors import describe_error

ENDED = Counter("captum_grpc_server_ended", "How often the gRPC server ended by itself and was made anew.")


class BoundGrpcServer(GRPCServer):  # type: ignore[misc]  # kserve is untyped
    """kserve's own listens on every interface, shares its port silently (SO_REUSEPORT), and logs each call."""

    def __init__(self, host: str, port: int, dataplane: Any, repository: Any, **arguments: Any) -> None:  # noqa: ANN401 - kserve's own
        super().__init__(port, dataplane, repository, **arguments)
        self._address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    async def start(self, max_workers: int) -> None:
        """Serve until `stop`; `max_workers` are kserve's threads for handlers, of which none is synchronous.

        grpcio's own server ends, with an error, at a call whose path is not UTF-8 (grpcio 1.82; no issue is known). A
        new one takes its place on the same port; calls that were under way are lost with the old one.
        """
        asyncio.get_running_loop().set_exception_handler(_log_unless_ended)
        logging.getLogger("grpc._cython.cygrpc").addFilter(_is_no_end)
        ended = False
        while True:
            self._server = await self._serve()
            try:
                await self._server.wait_for_termination()
                return
            except Exception as error:
                ENDED.inc()
                if not ended:
                    logger.error("the gRPC server ended, and a new one began: %s", describe_error(error))
                ended = True

    async def _serve(self) -> aio.Server:
        server = aio.server(
            interceptors=(ExceptionToStatusInterceptor(),),
            options=[
                ("grpc.so_reuseport", 0),
                ("grpc.max_send_message_length", self._kwargs["grpc_max_send_message_length"]),
                ("grpc.max_receive_message_length", self._kwargs["grpc_max_receive_message_length"]),
            ],
        )
        servicer = InferenceServicer(self._data_plane, self._model_repository_extension)
        grpc_predict_v2_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(servicer, server)
        server.add_insecure_port(self._address)
        logger.info("Starting gRPC server on %s", self._address)
        await server.start()
        return server


# grpcio logs each end, and leaves a task with its error, which asyncio would log again.
def _is_no_end(record: logging.LogRecord) -> bool:
    return not isinstance(record.msg, UnicodeDecodeError)


def _log_unless_ended(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    if not isinstance(context.get("exception"), UnicodeDecodeError):
        loop.default_exception_handler(context)
