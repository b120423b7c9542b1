"""A small network, described as a predictor would, and computed in this process."""

import itertools
import threading
from collections import OrderedDict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torch
from captum_explainer.attribution.explain import explain
from captum_explainer.kinds.tensor.kind import TensorRequest
from captum_explainer.predictor_client.description import Access, Description, Stage
from captum_explainer.predictor_client.exchange import Answer
from captum_explainer.settings import PredictorAddress, Settings
from torch import nn

POOL = {"kernel_size": 2, "stride": 2, "padding": 0, "dilation": 1, "ceil_mode": False}


class LocalPredictor:
    """A predictor in this process: the stages of a network, by plain torch; `exchanges` are those that it answered.

    A stage takes the value of the stage before it, or those that `sources` names. With `only_one_sink` it is a server
    without the further extensions: an exchange has one sink, and given cotangents of it by its own source.
    """

    def __init__(self, stages, sources=None, only_one_sink=False):
        self.stages = stages
        self.sources = sources or {}
        self.only_one_sink = only_one_sink
        self.exchanges = []

    @property
    def asked(self):
        """(source, sink, derivative?) of each exchange; of several sources or sinks their tuple."""
        return [
            (_one_or_all(exchange.sources), _one_or_all(exchange.sinks), exchange.derivative is not None)
            for exchange in self.exchanges
        ]

    def carries(self, exchange):
        derivative = exchange.derivative
        if not self.only_one_sink:
            return True
        plain = derivative is None or (
            derivative.predicted is None
            and derivative.path is None
            and derivative.sources == tuple(exchange.sources)
            and derivative.sinks == exchange.sinks
        )
        return len(exchange.sinks) == 1 and plain

    def answer(self, exchange):
        assert LocalPredictor.carries(self, exchange), "asked for what the predictor does not say that it can"
        self.exchanges.append(exchange)
        derivative = exchange.derivative
        given = {name: torch.from_numpy(rows) for name, rows in exchange.sources.items()}
        between = () if derivative is None else (*derivative.sources, *derivative.sinks)
        with torch.no_grad():
            values = self._run(given, {*exchange.sinks, *between})
        wanted = {name: values[name].numpy() for name in exchange.sinks}
        return Answer(wanted, {} if derivative is None else self._differentiate(derivative, given, values))

    def _run(self, given, wanted):
        values = dict(given)
        for before, name in itertools.pairwise(["image", *self.stages]):
            sources = self.sources.get(name, (before,))
            if name not in values and wanted - values.keys() and all(source in values for source in sources):
                values[name] = self.stages[name](*[values[source] for source in sources])
        return values

    def _differentiate(self, derivative, given, values):
        first = 0 if derivative.predicted is None else derivative.predicted.first
        points = {name: values[name][first:] for name in (*given, *derivative.sources)}
        if derivative.path is not None:
            return self._integrate(derivative, points, values)
        (count,) = {len(rows) for rows in points.values()}
        return self._gradients(derivative.sources, points, _cotangents(derivative, values, count))

    def _integrate(self, derivative, ends, values):
        starts, nodes, weights = map(torch.from_numpy, map(np.array, derivative.path))
        ((name, end),) = ends.items()
        points = torch.cat([starts + node * (end[: len(starts)] - starts) for node in nodes])
        of_paths = _cotangents(derivative, values, len(starts))
        cotangents = {sink: cotangent.repeat(len(nodes), 1) for sink, cotangent in of_paths.items()}
        gradients = torch.from_numpy(self._gradients((name,), {name: points}, cotangents)[name])
        weighted = gradients.reshape(len(nodes), *starts.shape) * weights.reshape(-1, *[1] * starts.ndim)
        return {name: weighted.sum(0).numpy()}

    def _gradients(self, sources, points, cotangents):
        given = {name: rows.detach().clone().requires_grad_(name in sources) for name, rows in points.items()}
        with torch.enable_grad():
            values = self._run(given, {*cotangents})
        gradients = torch.autograd.grad(
            [values[sink] for sink in cotangents], [given[name] for name in sources], list(cotangents.values())
        )
        return dict(zip(sources, (gradient.numpy() for gradient in gradients), strict=True))


def _one_or_all(names):
    return next(iter(names)) if len(names) == 1 else tuple(names)


def _cotangents(derivative, values, count):
    """Those that are given, or one-hot rows for the predicted classes, float32 [count, *the sink's shape]."""
    if derivative.predicted is None:
        return {sink: torch.from_numpy(np.array(cotangent)) for sink, cotangent in derivative.cotangents.items()}
    scores = values[derivative.predicted.sink]
    targets = scores[: derivative.predicted.rows].argmax(dim=1)
    return {derivative.predicted.sink: torch.eye(scores.shape[1])[np.resize(targets.numpy(), count)]}


@pytest.fixture
def settings():
    return Settings("tiny", PredictorAddress("127.0.0.1:1"))


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
def make_predictor():
    return LocalPredictor


@pytest.fixture
def local_predictor(stages):
    """The tiny network's predictor with all that the gradient extension has."""
    return LocalPredictor(stages)


@pytest.fixture
def plain_predictor(stages):
    """The tiny network's predictor, which carries one sink an exchange."""
    return LocalPredictor(stages, only_one_sink=True)


@pytest.fixture
def explain_tensors(description, plain_predictor, settings):
    """Explains instances by a method and its parameters."""

    def run(instances, parameters, *, predictor=plain_predictor, model=description, settings=settings):
        request = TensorRequest(instances, parameters)
        return explain(request.plan(model, predictor, settings.limits, settings.defaults))

    return run


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
            Stage(name="conv", kind="conv2d", shape=(2, 6, 6)),
            Stage(name="relu", kind="relu", shape=(2, 6, 6)),
            Stage(name="pool", kind="max_pool2d", shape=(2, 3, 3), options=POOL),
            Stage(name="flat", kind="flatten", shape=(18,)),
            Stage(name="logits", kind="linear", shape=(3,)),
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
