"""Starts a predictor and its explainer as processes on the loopback, and stops them."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parents[1]
# Where a checkout has its packages.
SOURCES = ("serving/src", "predictor/src", "explainer/src")
MODELS = ("fashion-mnist", "mnist")
TEXT_MODEL = "sentiment"
READY_SECONDS = 90.0
STOP_SECONDS = 20.0
LAST_OF_LOG = 3000


class NotReady(Exception):
    """A server ended, or did not get ready in time; the end of its log is in the message."""


@dataclass(frozen=True)
class Server:
    """A server process of our own."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def wait_until_ready(self) -> None:
        """Return when the server says that it is ready.

        Raises:
            NotReady: It ended, or 90 s went by.
        """
        end = time.monotonic() + READY_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            try:
                if requests.get(f"{self.url}/v2/health/ready", timeout=2).status_code == 200:
                    return
            except requests.RequestException:
                pass
            time.sleep(0.1)
        raise NotReady(f"{self.url} did not get ready; its log ends with:\n{self.log.read_text()[-LAST_OF_LOG:]}")


@dataclass(frozen=True)
class Pair:
    """A predictor and the explainer in front of it."""

    name: str
    predictor: Server
    explainer: Server

    @property
    def explain_url(self) -> str:
        """Where explanations are asked for."""
        return f"{self.explainer.url}/v1/models/{self.name}:explain"


def tell_to_end(*pairs: Pair) -> None:
    """Send SIGTERM to all servers of the pairs: each takes a second to end, and the contexts wait for one by one."""
    for pair in pairs:
        for server in (pair.explainer, pair.predictor):
            server.process.terminate()


def free_port() -> int:
    """A port of the loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(module: str, log: Path, *flags: str, port: int | None = None, checkout: Path = ROOT) -> Iterator[Server]:
    """A server started as `python -m module` on the loopback, ended with the context.

    It runs the sources of `checkout`, whichever are installed.

    Raises:
        NotReady: The port is taken.
    """
    port = port or free_port()
    _require_free(port)
    command = [sys.executable, "-m", module, "--host", "127.0.0.1", "--http_port", str(port), *flags]
    path = [*(str(checkout / source) for source in SOURCES), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path), "PYTHONUNBUFFERED": "1"}
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
    try:
        yield Server(process, f"http://127.0.0.1:{port}", log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _require_free(port: int) -> None:
    """Before the start: what listens there already would answer in the new server's name."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise NotReady(f"port {port} of 127.0.0.1 is not to be had ({error.strerror}); choose another") from None


@contextmanager
def running_pair(
    name: str,
    folder: Path | None = None,
    *explainer_flags: str,
    model_dir: Path | None = None,
    port: int | None = None,
    predictor_port: int | None = None,
    predictor_flags: Sequence[str] = (),
    checkout: Path = ROOT,
) -> Iterator[Pair]:
    """A predictor of a model and its explainer, both ready.

    Args:
        name: The model's name.
        folder: Where the logs go; a temporary one by default.
        model_dir: The model's folder; by default the one of this name that is shipped under `models/`.
        explainer_flags: More flags of the explainer.
        port: The explainer's port; a free one by default.
        predictor_port: The predictor's port; a free one by default.
        predictor_flags: More flags of the predictor.
        checkout: Whose sources run, and whose models are served; this one by default.

    Raises:
        NotReady: One of them does not get ready.
    """
    with ExitStack() as stack:
        folder = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kserve-captum-")))
        start = partial(running, checkout=checkout)
        model = ("--model_name", name)
        # Another checkout's predictor may have gRPC on by default.
        directory = ("--model_dir", str(model_dir or checkout / "models" / name), "--enable_grpc", "false")
        log = folder / f"{name}-predictor.log"
        predictor = stack.enter_context(
            start("captum_predictor", log, *model, *directory, *predictor_flags, port=predictor_port)
        )
        host = ("--predictor_host", predictor.url.removeprefix("http://"))
        log = folder / f"{name}-explainer.log"
        explainer = stack.enter_context(start("captum_explainer", log, *model, *host, *explainer_flags, port=port))
        predictor.wait_until_ready()
        explainer.wait_until_ready()
        pair = Pair(name, predictor, explainer)
        stack.callback(tell_to_end, pair)
        yield pair
