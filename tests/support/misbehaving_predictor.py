"""A predictor that misbehaves when it is told to: a tiny network behind a plain server.

It speaks V2 with the gradient extension, or V1 alone. It is written from docs/gradient-extension.md and shares no code
with the real one but the wire.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import torch
from captum_serving.protocol.wire import HEADER_LENGTH, Message, decode, encode
from torch import nn

NAME = "tiny"
INPUT = (1, 6, 6)
DIGEST = "a" * 64
PREDICT = f"/v1/models/{NAME}:predict"
INFER = f"/v2/models/{NAME}/infer"

# What answers a request: it is given the handler and the right answer, and does as it likes.
Fault = Callable[["Handler", "Answer"], None]


def network(seed: int = 0) -> nn.Sequential:
    """[rows, 1, 6, 6] to [rows, 3], with weights of a seed."""
    generator = torch.Generator().manual_seed(seed)
    stages = OrderedDict(
        conv1=nn.Conv2d(1, 2, 3, padding=1), relu1=nn.ReLU(), flatten=nn.Flatten(), logits=nn.Linear(72, 3)
    )
    model = nn.Sequential(stages).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator) / 2)
    return model.requires_grad_(False)


KINDS = {"conv1": "conv2d", "relu1": "relu", "flatten": "flatten", "logits": "linear"}
SHAPES = {"conv1": [2, 6, 6], "relu1": [2, 6, 6], "flatten": [72], "logits": [3]}


class Answer:
    """An answer as it would be right; faults change it before it is sent."""

    def __init__(self, document: dict[str, Any], tensors: dict[str, np.ndarray] | None = None) -> None:
        self.status = 200
        self.document = document
        self.tensors = tensors
        self.headers: dict[str, str] = {}

    def bytes(self) -> tuple[bytes, dict[str, str]]:
        """The body, and its headers."""
        if self.tensors is None:
            return json.dumps(self.document).encode(), {"Content-Type": "application/json", **self.headers}
        body, length = encode(self.document, self.tensors, "outputs", binary=True)
        return body, {"Content-Type": "application/octet-stream", HEADER_LENGTH: str(length), **self.headers}


class Predictor:
    """The server's state: which faults come next, and what it was asked; `v1` alone, or V2 with the extension."""

    def __init__(self, v1: bool = False) -> None:
        self.v1 = v1
        self.network = network()
        self.once: list[Fault] = []
        self.always: Fault | None = None
        self.describing: Fault | None = None
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.released = threading.Event()
        self.digest = DIGEST
        self.input_shape: tuple[int, ...] = INPUT

    @contextmanager
    def doing(self, *once: Fault, always: Fault | None = None, describing: Fault | None = None) -> Iterator[Predictor]:
        """Inside, the next inferences meet the faults `once`, all others `always`, and other requests `describing`.

        An inference is V2's, or of a predictor that speaks V1 its prediction.
        """
        self.once, self.always, self.describing = list(once), always, describing
        self.released.clear()
        self.seen.clear()
        try:
            yield self
        finally:
            self.once, self.always, self.describing = [], None, None
            self.released.set()

    def next_fault(self, infer: bool) -> Fault | None:
        """What the next request meets; nothing where the predictor is to behave."""
        if not infer:
            return self.describing
        return self.once.pop(0) if self.once else self.always

    def description(self) -> Answer:
        """The model's metadata."""
        stages = [{"name": name, "kind": kind, "shape": SHAPES[name], "options": {}} for name, kind in KINDS.items()]
        return Answer(
            {
                "name": NAME,
                "versions": [],
                "platform": "test",
                "inputs": [{"name": "image", "datatype": "FP32", "shape": [-1, *self.input_shape]}],
                "outputs": [{"name": "logits", "datatype": "FP32", "shape": [-1, 3]}],
                "stages": stages,
                "labels": ["cat", "dog", "eel"],
                "input_range": [0.0, 1.0],
                "baseline": 0.0,
                "model_digest": self.digest,
                "extensions": ["vector_jacobian_product"],
            }
        )

    def infer(self, message: Message) -> Answer:
        """A segment's value, and with a cotangent its vector-Jacobian product."""
        source = next(name for name in message.tensors if name != "cotangent")
        if source == "image" and message.tensors[source].shape[1:] != self.input_shape:
            refused = Answer({"error": f"image: expected {list(self.input_shape)}"})
            refused.status = 400
            return refused
        names = list(KINDS)
        sink = message.parameters.get("sink", names[-1])
        begin = 0 if source == "image" else names.index(source) + 1
        rows = torch.tensor(message.tensors[source]).requires_grad_()
        value = self.network[begin : names.index(sink) + 1](rows)
        tensors = {sink: value.detach().numpy()}
        if "cotangent" in message.tensors:
            (gradient,) = torch.autograd.grad(value, rows, torch.tensor(message.tensors["cotangent"]))
            tensors["gradient"] = gradient.numpy()
        return Answer({"model_name": NAME, "parameters": {"model_digest": self.digest}}, tensors)

    def predict(self, instances: list[Any]) -> Answer:
        """V1's probabilities."""
        return Answer({"predictions": torch.softmax(self.network(torch.tensor(instances)), dim=1).tolist()})


class Handler(BaseHTTPRequestHandler):
    """One connection to the predictor."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    predictor: Predictor

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """The model's metadata; there is nothing else to get."""
        self._serve(b"")

    def do_POST(self) -> None:
        """Inference, and V1's prediction."""
        self._serve(self.rfile.read(int(self.headers["Content-Length"])))

    def _serve(self, body: bytes) -> None:
        self.predictor.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        v1 = self.predictor.v1
        infer = self.path == (PREDICT if v1 else INFER)
        if infer and v1:
            answer = self.predictor.predict(json.loads(body)["instances"])
        elif infer:
            answer = self.predictor.infer(decode(body, self.headers[HEADER_LENGTH], "inputs"))
        elif self.path == f"/v2/models/{NAME}" and not v1:
            answer = self.predictor.description()
        else:
            answer = Answer({"error": "there is nothing here"})
            answer.status = 404
        fault = self.predictor.next_fault(infer)
        (fault or Handler.send)(self, answer)

    def send(self, answer: Answer) -> None:
        """Send an answer as it is."""
        body, headers = answer.bytes()
        self.send_head(answer.status, headers, len(body))
        self.wfile.write(body)

    def send_head(self, status: int, headers: dict[str, str], length: int) -> None:
        """Send all that comes before the body."""
        self.send_response(status)
        for name, value in {"Content-Length": str(length), **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def reset(self) -> None:
        """End the connection by a reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is no news."""


@contextmanager
def serving(predictor: Predictor, port: int) -> Iterator[None]:
    """Serve on a port of the loopback; afterwards it is closed, and so are all connections."""
    connections: list[socket.socket] = []

    class Bound(Handler):
        def setup(self) -> None:
            super().setup()
            connections.append(self.connection)

    Bound.predictor = predictor
    with _Server(("127.0.0.1", port), Bound) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
            for connection in connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
