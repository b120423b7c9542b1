"""kserve's worker processes for our REST server, with enough time to start."""

import asyncio
import socket
import time
from typing import Any

from kserve.logging import logger
from kserve.protocol.rest.multiprocess.server import RESTServerMultiProcess, RESTServerProcess

from captum_serving.kserve_server.rest_server import RestServer

# On a busy node a worker imports torch for many seconds. If it never comes up, the pod's startup probe ends it.
START_SECONDS = 120.0


class PatientProcess(RESTServerProcess):  # type: ignore[misc]  # kserve is untyped
    """A worker that may take `START_SECONDS` until its first answer.

    kserve kills a worker that does not answer a ping within 5 s, even while it starts: if the imports take longer, it
    kills and starts workers forever.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - kserve's own arguments
        super().__init__(*arguments, **named)
        self._end_of_start = time.monotonic() + START_SECONDS
        self._asked = False
        self._answered = False

    def is_alive(self, timeout: float = 5) -> bool:
        """True if the process lives and answers: at first within `START_SECONDS`, later within the timeout."""
        if self._answered or not self._process.is_alive():
            return bool(super().is_alive(timeout))
        if not self._asked:
            self._parent_conn.send(b"ping")
            self._asked = True
        if self._parent_conn.poll():
            self._parent_conn.recv()
            self._answered = True
        return self._answered or time.monotonic() < self._end_of_start


class Workers(RESTServerMultiProcess):  # type: ignore[misc]  # kserve is untyped
    """kserve's parent process for our workers: its own methods have kserve's classes built in."""

    def __init__(self, rest_server: RestServer, log_config_file: str | None) -> None:
        self._rest_server = rest_server
        self.log_config_file = log_config_file
        self._processes: list[PatientProcess] = []
        self.should_exit = asyncio.Event()

    def init_processes(self, sockets: list[socket.socket]) -> None:
        """Start the workers."""
        self._processes = [self._start_process(sockets) for _ in range(self._rest_server.config.workers)]

    async def keep_subprocess_alive(self, sockets: list[socket.socket]) -> None:
        """Replace each worker that has ended or no longer answers."""
        for index, process in enumerate(self._processes):
            if process.is_alive():
                continue
            logger.info("Child process [%s] died", process.pid)
            process.kill()
            await process.wait_for_termination()
            if self.should_exit.is_set():
                return
            self._processes[index] = self._start_process(sockets)

    def _start_process(self, sockets: list[socket.socket]) -> PatientProcess:
        process = PatientProcess(sockets, self._rest_server.run, log_config_file=self.log_config_file)
        process.start()
        logger.info("Started child process [%s]", process.pid)
        return process
