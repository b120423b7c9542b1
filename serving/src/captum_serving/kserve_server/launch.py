"""Starts the REST and gRPC servers on the address and ports that the flags name."""

import asyncio
import gc
import socket
import sys
from collections.abc import Sequence
from typing import Any

import uvloop
from kserve import Model, ModelServer, model_server

from captum_serving.kserve_server.data_plane import FixedRepository, TruthfulDataPlane
from captum_serving.kserve_server.grpc_server import BoundGrpcServer
from captum_serving.kserve_server.rest_server import RestServer
from captum_serving.kserve_server.workers import Workers
from captum_serving.limits import DEFAULT_LIMITS, ClientLimits

# Work that is under way when a signal comes may finish within the pod's terminationGracePeriodSeconds. kserve's own
# limit of 30 s would cut explanations off earlier.
GRACE_SECONDS = 3600


class Server(ModelServer):  # type: ignore[misc]  # kserve is untyped
    """kserve's ModelServer with our REST and gRPC servers: its own start() has kserve's classes built in.

    Flag defaults, logging and signal handling stay kserve's.
    """

    def __init__(
        self,
        name: str,
        host: str,
        limits: ClientLimits = DEFAULT_LIMITS,
        *,
        enable_grpc: bool,
        **arguments: Any,  # noqa: ANN401 - kserve's own arguments
    ) -> None:
        super().__init__(enable_grpc=enable_grpc, grace_period=GRACE_SECONDS, **arguments)
        self.name = name
        self.host = host
        self.limits = limits
        self.dataplane = TruthfulDataPlane(model_registry=self.registered_models)
        self.model_repository_extension = FixedRepository(model_registry=self.registered_models)

    def start(self, models: Sequence[Model]) -> None:
        """Serve the models, over REST by their `routes()`, until a signal comes.

        A port that is taken ends the process with a sentence and status 1.
        """
        _refuse_taken_port(self.host, self.http_port)
        if self.enable_grpc:
            _refuse_taken_port(self.host, self.grpc_port)
        for model in models:
            self.register_model(model)
        rest = RestServer(
            self.name,
            self.host,
            self.limits,
            self.dataplane,
            self.model_repository_extension,
            self.http_port,
            access_log_format=self.access_log_format,
            workers=self.workers,
            grace_period=GRACE_SECONDS,
            event_loop=self.event_loop,
            timeout_keep_alive=self.timeout_keep_alive,
            ssl_certfile=self.ssl_certfile,
            ssl_keyfile=self.ssl_keyfile,
        )
        if self.workers > 1:
            # kserve's stop() expects it under this name; without workers, uvicorn handles the signal itself.
            self._rest_multiprocess_server = Workers(rest, model_server.args.log_config_file)
            self.servers.append(self._rest_multiprocess_server.start())
        else:
            self.servers.append(rest.start())
        if self.enable_grpc:
            self._grpc_server = BoundGrpcServer(
                self.host,
                self.grpc_port,
                self.dataplane,
                self.model_repository_extension,
                kwargs=vars(model_server.args),
                grace_period=GRACE_SECONDS,
            )
            self.servers.append(self._grpc_server.start(self.max_threads))
        self.register_signal_handler()
        gc.enable()  # the command line's main had switched it off for its imports
        # With one worker, kserve's own start() ignores its flag for the event loop.
        new_loop = None if self.event_loop == "asyncio" else uvloop.new_event_loop
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(self._serve())


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
