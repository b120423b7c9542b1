"""A server of the program that serves nothing, in a process of its own."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parent / "programs" / "serve_nothing.py"


@pytest.fixture
def free_port():
    return find_free_port


def find_free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def running(tmp_path, request):
    """A server of the program: `request.param` is its log's level."""
    with serve_nothing(tmp_path, getattr(request, "param", "INFO")) as server:
        yield server


@pytest.fixture
def serving():
    return serve_nothing


@contextmanager
def serve_nothing(tmp_path, level="INFO", *flags):
    http_port, grpc_port = find_free_port(), find_free_port()
    log = (tmp_path / "log").open("wb")
    command = [sys.executable, PROGRAM, f"--http_port={http_port}", f"--grpc_port={grpc_port}", *flags]
    process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "KSERVE_LOGLEVEL": level})
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{http_port}/v2/health/ready", timeout=5).close()
            break
        time.sleep(0.1)
    try:
        yield process, http_port, grpc_port, tmp_path / "log"
    finally:
        log.close()
        if process.poll() is None:
            process.terminate()  # a killed one would leave its workers
            process.wait(30)
