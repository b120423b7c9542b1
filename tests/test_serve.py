"""`make serve`: both servers stay until a signal comes, and a taken port is an error."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time

import pytest
import requests

from local.servers import ROOT, free_port


def serve(*flags: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "local.serve", *flags]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_it_serves_on_the_named_ports_until_it_is_told_to_stop():
    port, predictor_port = free_port(), free_port()
    process = serve("--model", "mnist", "--port", str(port), "--predictor-port", str(predictor_port))
    try:
        assert process.stdout is not None
        printed = ""
        while "curl" not in printed:
            line = process.stdout.readline()
            assert line, process.communicate()[1]
            printed += line
        assert f"127.0.0.1:{port}/v1/models/mnist:explain" in printed
        picture = (ROOT / "models/mnist/examples/0.png").read_bytes()
        reply = requests.post(f"http://127.0.0.1:{port}/v1/models/mnist:explain", data=picture, timeout=60)
        assert reply.json()["details"][0]["prediction"] == 7
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 0
    for taken in (port, predictor_port):
        with pytest.raises(requests.ConnectionError):
            requests.get(f"http://127.0.0.1:{taken}/", timeout=2)


@pytest.mark.parametrize("flag", ["--port", "--predictor-port"])
def test_a_port_that_is_taken_is_an_error(flag: str):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        free = {"--port": "--predictor-port", "--predictor-port": "--port"}[flag]
        started = time.monotonic()
        process = serve(flag, str(taken), free, str(free_port()))
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"port {taken}" in errors
    assert "Traceback" not in errors
    assert time.monotonic() - started < 30
