"""Starting a kserve ModelServer that binds where it is told, tells the truth when asked, and cannot be emptied."""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import Any

import uvloop
from kserve import Model, ModelServer, model_server

from captum_serving.kserve_server import rest_server, workers
from captum_serving.kserve_server.data_plane import FixedRepository, TruthfulDataPlane
from captum_serving.kserve_server.grpc_server import BoundGrpcServer

# What is under way when a signal comes may be finished: the pod's terminationGracePeriodSeconds says how long that may
# take, and kserve's own 30 s would cut an explanation off before it.
GRACE_SECONDS = 3600


class Server(ModelServer):  # type: ignore[misc]  # kserve is untyped
    """kserve's ModelServer, bound to `host` (kserve's own listens on every interface)."""

    def __init__(self, host: str, enable_grpc: bool, **arguments: Any) -> None:  # noqa: ANN401 - kserve's own arguments
        super().__init__(enable_grpc=False, grace_period=GRACE_SECONDS, **arguments)  # gRPC's server is our own
        self.host = host
        self.dataplane = TruthfulDataPlane(model_registry=self.registered_models)
        self.model_repository_extension = FixedRepository(model_registry=self.registered_models)
        if enable_grpc:
            self._grpc_server = BoundGrpcServer(
                host,
                self.grpc_port,
                self.dataplane,
                self.model_repository_extension,
                kwargs=vars(model_server.args),
                grace_period=GRACE_SECONDS,
            )

    def start(self, models: list[Model]) -> None:
        """Serve until a signal comes; a port that is taken ends the process with a sentence and status 1."""
        _refuse_taken_port(self.host, self.http_port)
        if self._grpc_server is not None:
            _refuse_taken_port(self.host, self.grpc_port)
            self.servers.append(self._grpc_server.start(self.max_threads))
        workers.start_patiently()
        rest_server.serve_quietly()
        if self.event_loop != "asyncio":
            # kserve's flag says so, but where it starts the loop itself, with one worker, it does not look at it.
            uvloop.install()
            asyncio.set_event_loop(asyncio.new_event_loop())  # kserve asks for one before it starts its own
        super().start(models)

    async def _serve(self) -> None:
        rest = self._rest_server or self._rest_multiprocess_server._rest_server
        rest.config.host = self.host
        await super()._serve()


def _refuse_taken_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            sys.exit(
                f"cannot listen on {host} port {port}: {error.strerror}; stop what uses it, or choose another port"
            )
