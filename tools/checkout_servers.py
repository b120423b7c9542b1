"""Starts a checkout's servers, with the checkout's own packages and models, as processes on the loopback."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests

PREDICTOR, EXPLAINER, STAND_IN = "predictor", "explainer", "stand-in"
SOURCES = ("serving/src", "predictor/src", "explainer/src")
# A slow machine is no difference between two checkouts.
EXPLAINER_FLAGS = ("--deadline_seconds", "300")
# The explainer in the place of KServe's AIX explainer, or of TorchServe without an envelope.
STAND_IN_FLAGS = {
    "mnist": ("--explainer_type", "LimeImages", "--num_samples", "100", "--top_labels", "4"),
    "sentiment": ("--explainer_type", "LimeTexts", "--num_samples", "50"),
}
# Sums may depend on the number of threads, and a machine's default on how busy it is.
SAME_THREADS = {"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}
READY_SECONDS = 120.0
STOP_SECONDS = 20.0
LAST_OF_LOG = 3000


class NotReady(Exception):
    """A server ended or did not get ready in time; the message has the end of its log."""


def check_checkout(checkout: Path) -> None:
    """See that the servers would run the checkout's code and not what is installed.

    Raises:
        NotReady: One of the folders with the packages' sources is missing.
    """
    for source in SOURCES:
        if not (checkout / source).is_dir():
            raise NotReady(f"{checkout} has no folder {source}; expected a checkout of this project")


@contextmanager
def run_servers(checkout: Path, model: str, logs: Path) -> Iterator[Mapping[str, str]]:
    """Run a model's predictor, its explainer, and for some models an explainer that stands in for another product.

    Yields:
        The URL of each, by its role; all are ready.

    Raises:
        NotReady: One of them did not get ready.
    """
    with ExitStack() as stack:
        processes: dict[str, subprocess.Popen[bytes]] = {}

        def start(role: str, module: str, *flags: str) -> str:
            port, log = _find_free_port(), logs / f"{model}-{role}.log"
            command = ["-m", module, "--host", "127.0.0.1", "--http_port", str(port), *flags]
            processes[role] = stack.enter_context(_run_python(checkout, command, log))
            return f"http://127.0.0.1:{port}"

        name = ("--model_name", model)
        model_dir = ("--model_dir", str(checkout / "models" / model))
        urls = {PREDICTOR: start(PREDICTOR, "captum_predictor", *name, *model_dir, "--enable_grpc", "false")}
        flags = (*name, "--predictor_host", urls[PREDICTOR].removeprefix("http://"), *EXPLAINER_FLAGS)
        urls[EXPLAINER] = start(EXPLAINER, "captum_explainer", *flags)
        if model in STAND_IN_FLAGS:
            stand_in = (*flags, *STAND_IN_FLAGS[model], "--service_envelope", "none")
            urls[STAND_IN] = start(STAND_IN, "captum_explainer", *stand_in)
        for role, url in urls.items():
            _wait_until_ready(processes[role], url, logs / f"{model}-{role}.log")
        yield urls


@contextmanager
def _run_python(checkout: Path, arguments: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, *arguments]
    path = os.pathsep.join(str(checkout / source) for source in SOURCES)
    environment = {**os.environ, **SAME_THREADS, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}
    with log.open("wb") as output:
        # Not from a checkout's top: `python -m` looks for modules in the current folder first.
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment, cwd=log.parent)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            if requests.get(f"{url}/v2/health/ready", timeout=2).status_code == 200:
                return
        except requests.RequestException:
            pass
        time.sleep(0.1)
    raise NotReady(f"{url} did not get ready; its log ends with:\n{log.read_text()[-LAST_OF_LOG:]}")


def _find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
