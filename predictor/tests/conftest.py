import copy
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import types
from collections import OrderedDict
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import requests
import torch
from captum_predictor.engine.engine import Engine
from captum_predictor.engine.lanes import Lanes
from captum_predictor.graph.stages import split_into_stages
from captum_predictor.model.architectures import build_network, list_architectures
from captum_predictor.model.description import Input, ModelDescription
from captum_predictor.model.directory import LoadedModel, load_model
from captum_predictor.model.saving import save_model
from safetensors.torch import load_file, save_file
from torch import nn

NETWORKS = Path(__file__).parent / "networks"
START_SECONDS = 60


class RunningServer:
    """`python -m captum_predictor` as a process of its own, on free ports of 127.0.0.1."""

    def __init__(self, process, http_port, grpc_port, log):
        self.process = process
        self.http_port = http_port
        self.grpc_port = grpc_port
        self.url = f"http://127.0.0.1:{http_port}"
        self.log = log

    def post(self, path, body=b"", **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.post(self.url + path, data=body, headers=headers, timeout=30)

    def get(self, path, **headers):
        return requests.get(self.url + path, headers=headers, timeout=30)

    def wait_until_ready(self):
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            assert self.process.poll() is None, self.log.read_text()
            with suppress(requests.ConnectionError):
                if self.get("/v2/health/ready").status_code == 200:
                    return
            time.sleep(0.1)
        pytest.fail(f"not ready after {START_SECONDS} s: {self.log.read_text()}")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


def free_ports(count):
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


@contextmanager
def running_server(directory, log, *flags, model_name="mnist"):
    http_port, grpc_port = free_ports(2)
    command = [sys.executable, "-m", "captum_predictor", "--host=127.0.0.1", f"--model_dir={directory}"]
    command += [f"--http_port={http_port}", f"--grpc_port={grpc_port}", "--enable_grpc=true", *flags]
    command += [f"--model_name={model_name}"] if model_name is not None else []
    environment = {**os.environ, "PYTHONPATH": str(NETWORKS)}
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
    server = RunningServer(process, http_port, grpc_port, log)
    try:
        server.wait_until_ready()
        yield server
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def start_server():
    return running_server


@pytest.fixture(scope="session")
def mnist_document():
    """What `model.json` says of mnist_cnn."""
    return {
        "kind": "image",
        "architecture": "mnist_cnn",
        "labels": [str(digit) for digit in range(10)],
        "input": {"name": "image", "shape": [1, 28, 28], "range": [0.0, 1.0], "baseline": 0.0},
    }


@pytest.fixture(scope="session")
def mnist_directory(tmp_path_factory, mnist_document):
    """mnist_cnn with seeded random weights, as a model directory."""
    torch.manual_seed(0)
    directory = tmp_path_factory.mktemp("models") / "mnist"
    save_model(build_network("mnist_cnn", {}), directory, mnist_document)
    return directory


@pytest.fixture
def own_directory(mnist_directory, tmp_path):
    """A copy of `mnist_directory` that a test may change."""
    return shutil.copytree(mnist_directory, tmp_path / "mnist")


@pytest.fixture
def write_document(own_directory, mnist_document):
    """Writes `model.json` anew: the document with some keys changed, and without those that are None."""

    def write(**changes):
        document = {key: value for key, value in {**mnist_document, **changes}.items() if value is not None}
        (own_directory / "model.json").write_text(json.dumps(document))

    return write


@pytest.fixture
def change_weights(own_directory):
    """Writes `model.safetensors` anew, with its tensors changed in place."""

    def write(change):
        tensors = load_file(own_directory / "model.safetensors")
        change(tensors)
        save_file(tensors, own_directory / "model.safetensors")

    return write


@pytest.fixture
def save_users(tmp_path, monkeypatch, mnist_document):
    """Saves a network of a user's own, `user_networks:build`, which gives a copy of it."""

    def save(network, **changes):
        module = types.ModuleType("user_networks")
        module.build, module.__all__ = lambda: copy.deepcopy(network), ["build"]
        monkeypatch.setitem(sys.modules, "user_networks", module)
        own = {"architecture": "user_networks:build", "labels": ["cat", "dog"]}
        save_model(network, tmp_path / "user", {**mnist_document, **own, **changes})
        return tmp_path / "user"

    return save


@pytest.fixture(scope="session")
def waiting_directory(tmp_path_factory):
    """A network that takes as many seconds as the largest value of its input, `[1, 2, 2]` in 0..10."""
    sys.path.insert(0, str(NETWORKS))
    try:
        network = build_network("waiting_network:WaitingNetwork", {}, list_architectures("waiting_network"))
    finally:
        sys.path.remove(str(NETWORKS))
    directory = tmp_path_factory.mktemp("models") / "waiting"
    directory.mkdir()
    document = {
        "kind": "image",
        "architecture": "waiting_network:WaitingNetwork",
        "labels": ["a", "b", "c"],
        "input": {"name": "image", "shape": [1, 2, 2], "range": [0, 10]},
    }
    save_model(network, directory, document)
    return directory


@pytest.fixture(scope="module")
def engine():
    """An engine of two lanes."""
    lanes = Lanes(2, 10_000, 2)
    yield Engine(lanes, "cpu")
    lanes.stop()


@pytest.fixture(scope="session")
def mnist(mnist_directory):
    """The model of `mnist_directory` in this process."""
    return load_model(mnist_directory)


@pytest.fixture(scope="session")
def server(mnist_directory, tmp_path_factory):
    """A server of `mnist_directory`, shared by the tests that do no harm to it."""
    log = tmp_path_factory.mktemp("server") / "log"
    with running_server(mnist_directory, log) as running:
        yield running


@pytest.fixture
def served_as():
    """Turns a chain of modules into a loaded model, with `image` as its input."""

    def load(input_shape, input_range=(0.0, 1.0), **modules):
        network = nn.Sequential(OrderedDict(modules)).eval().requires_grad_(False)
        stages = split_into_stages(network, input_shape)
        description = ModelDescription(
            kind="tensor",
            architecture="served_as",
            labels=tuple(f"class {i}" for i in range(stages[-1].shape[0])),
            input=Input(name="image", shape=tuple(input_shape), range=input_range, baseline=input_range[0]),
        )
        return LoadedModel("image", description.input.shape, stages, "ab" * 32, description)

    return load


@pytest.fixture
def lanes_of():
    """Makes lanes, and stops them."""
    made = []

    def make(count=1, queue_rows=1000, cpus=2):
        made.append(Lanes(count, queue_rows, cpus))
        return made[-1]

    yield make
    for lanes in made:
        lanes.stop()
