"""A small network, described as a predictor would, and computed in this process."""

import itertools
import threading
from collections import OrderedDict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torch
from captum_explainer.predictor_client.description import Access, Description, Stage
from captum_explainer.predictor_client.session import Answer, Values
from captum_explainer.settings import Settings
from torch import nn

POOL = {"kernel_size": 2, "stride": 2, "padding": 0, "dilation": 1, "ceil_mode": False}


class LocalSegments:
    """A predictor in this process: the stages of a network, by plain torch; `asked` lists (source, sink, VJP?).

    Of a call for several stages, the sink is the tuple of them.
    """

    def __init__(self, stages):
        self.stages = stages
        self.asked = []

    def ask(self, source, sink, rows, cotangent=None):
        self.asked.append((source, sink, cotangent is not None))
        names = ["image", *self.stages]
        run = names[names.index(source) + 1 : names.index(sink) + 1]
        given = torch.from_numpy(rows).requires_grad_()
        with torch.enable_grad():
            value = given
            for name in run:
                value = self.stages[name](value)
        if cotangent is None:
            return Answer(value.detach().numpy(), None)
        (gradient,) = torch.autograd.grad(value, given, torch.from_numpy(cotangent))
        return Answer(value.detach().numpy(), gradient.numpy())


class CountedSegments:
    """Segments that count the rows of each call."""

    def __init__(self, segments):
        self.segments = segments
        self.rows = []

    def ask(self, source, sink, rows, cotangent=None):
        self.rows.append(len(rows))
        return self.segments.ask(source, sink, rows, cotangent)


class FarSightedSegments(LocalSegments):
    """Gives the values of several stages by one call too."""

    def ask_values(self, source, stages, rows, derivative):
        values = {source: rows}
        for before, name in itertools.pairwise(["image", *self.stages]):
            values[name] = super().ask(before, name, values[before]).value
        gradient = None
        if derivative is not None and derivative.path is not None:
            gradient = self._integral(derivative, rows, values[derivative.sink])
        elif derivative is not None:
            cotangent, by = derivative.cotangent, values[derivative.source][derivative.first :]
            if cotangent is None:
                targets = values[derivative.sink][: derivative.predicted].argmax(axis=1)
                cotangent = np.eye(3, dtype=np.float32)[np.resize(targets, len(by))]
            gradient = super().ask(derivative.source, derivative.sink, by, cotangent).gradient
        del self.asked[-len(self.stages) - (derivative is not None) :]
        self.asked.append((source, tuple(stages), derivative is not None))
        return Values({name: values[name] for name in stages}, gradient)

    def _integral(self, derivative, rows, scores):
        starts, nodes, weights = derivative.path
        cotangent = derivative.cotangent
        if cotangent is None:
            cotangent = np.eye(3, dtype=np.float32)[scores[: len(starts)].argmax(axis=1)]
        points = np.concatenate([starts + node * (rows[: len(starts)] - starts) for node in nodes])
        cotangents = np.tile(cotangent, (len(nodes), 1))
        gradients = super().ask(derivative.source, derivative.sink, points, cotangents).gradient
        weighted = gradients.reshape(len(nodes), *starts.shape) * weights.reshape(-1, *[1] * starts.ndim)
        return torch.from_numpy(weighted).sum(0).numpy()


@pytest.fixture
def settings():
    return Settings(model_name="tiny", predictor_host="127.0.0.1:1")


@pytest.fixture
def stages():
    """conv, relu, max-pool, flatten, linear: [1, 6, 6] to three scores."""
    torch.manual_seed(1)
    modules = OrderedDict(
        conv=nn.Conv2d(1, 2, 3, padding=1),
        relu=nn.ReLU(),
        pool=nn.MaxPool2d(**POOL),
        flat=nn.Flatten(),
        logits=nn.Linear(18, 3),
    )
    for module in modules.values():
        module.eval().requires_grad_(False)
    return modules


@pytest.fixture
def network(stages):
    return nn.Sequential(stages)


@pytest.fixture
def segments(stages):
    return LocalSegments(stages)


@pytest.fixture
def counted(segments):
    """The same, counted."""
    return CountedSegments(segments)


@pytest.fixture
def far_sighted(stages):
    return FarSightedSegments(stages)


@pytest.fixture
def description():
    return Description(
        name="tiny",
        access=Access.STRUCTURE,
        input_name="image",
        input_shape=(1, 6, 6),
        input_range=(0.0, 1.0),
        output_name="logits",
        output_width=3,
        labels=("ant", "bee", "7"),
        stages=(
            Stage("conv", "conv2d", (2, 6, 6), {}),
            Stage("relu", "relu", (2, 6, 6), {}),
            Stage("pool", "max_pool2d", (2, 3, 3), POOL),
            Stage("flat", "flatten", (18,), {}),
            Stage("logits", "linear", (3,), {}),
        ),
        digest="ab" * 32,
    )


@pytest.fixture
def images():
    return torch.rand(2, 1, 6, 6, generator=torch.Generator().manual_seed(2))


class Recorded:
    """A request that a fake predictor got."""

    def __init__(self, handler, body):
        self.verb = handler.command
        self.path = handler.path
        self.headers = {name.lower(): value for name, value in handler.headers.items()}
        self.body = body


class FakePredictor:
    """An HTTP server on 127.0.0.1 that answers each request by `answer(handler, request)`."""

    def __init__(self):
        self.requests = []
        self.answer = lambda handler, request: reply(handler, 200, b"{}")
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                fake.requests.append(Recorded(self, body))
                fake.answer(self, fake.requests[-1])

            do_GET = do_POST

            def log_message(self, *arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.host = f"127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.socket.close()


def reply(handler, status, body, **headers):
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


@pytest.fixture
def send_reply():
    return reply


@pytest.fixture
def fake_predictor():
    fake = FakePredictor()
    yield fake
    fake.close()
