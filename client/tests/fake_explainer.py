"""A small HTTP server that answers as the explainer's API says, or as a test tells it to."""

import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LABELS = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]
CATALOGUE = {
    "model": "fashion-mnist",
    "access": "structure",
    "methods": [
        {
            "name": "integrated_gradients",
            "family": "path",
            "access": "gradients",
            "summary": "Gradients along the straight path from a baseline to the input, so that they add up.",
            "paper": "Sundararajan et al. 2017",
            "parameters": {
                "n_steps": {
                    "anyOf": [{"type": "integer"}, {"const": "auto"}],
                    "default": 50,
                    "description": "steps of the path",
                },
                "quadrature": {"enum": ["gausslegendre", "riemann_trapezoid"], "default": "gausslegendre"},
                "baselines": {"type": ["number", "string"], "default": None},
            },
        },
        {"name": "lime", "family": "perturbation", "access": "scores", "summary": "A local linear model."},
    ],
}


@dataclass
class Reply:
    """What the server sends: a JSON value or bytes; `pause` seconds before it; `cut` hangs up half-way;
    `chunked` sends it in chunks of 1000 bytes."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    pause: float = 0
    cut: bool = False
    chunked: bool = False


@dataclass
class Call:
    verb: str
    path: str
    headers: dict[str, str]
    json: Any
    client_port: int


def detail(**changes: Any) -> dict[str, Any]:
    """A `details` entry as in the explainer's API."""
    return {
        "method": "integrated_gradients",
        "target": 9,
        "target_label": "Ankle boot",
        "prediction": 9,
        "prediction_label": "Ankle boot",
        "probability": 0.9987,
        "score": 12.3,
        "baseline_score": -1.2,
        "convergence_delta": 0.00012,
        "converged": True,
    } | changes


def explanation(request: dict[str, Any]) -> dict[str, Any]:
    """The answer to a request: each instance's attributions are the instance itself, negative in its lower half."""
    parameters = request.get("parameters", {})
    method = parameters.get("method", "integrated_gradients")
    instances = request["instances"]
    flipped = [[[v if r < 14 else -v for v in row] for r, row in enumerate(image)] for image in instances]
    return {
        "explanations": [[image] for image in flipped],
        "details": [detail(method=method) for _ in instances],
        "parameters": {"method": method, **parameters},
        "model": {"name": "fashion-mnist", "digest": "0" * 64},
    }


class FakeExplainer:
    """Listens on a free port of 127.0.0.1; `replies` are sent in order, then the API's own answers."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.replies: list[Reply] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1/models/fashion-mnist:explain"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _reply(self, call: Call) -> Reply:
        if self.replies:
            return self.replies.pop(0)
        return Reply(CATALOGUE if call.verb == "GET" else explanation(call.json))

    def _handler(fake) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                call = Call(
                    self.command, self.path, headers, json.loads(body) if body else None, self.client_address[1]
                )
                fake.calls.append(call)
                reply = fake._reply(call)
                time.sleep(reply.pause)
                content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
                self.send_response(reply.status)
                length = {"Transfer-Encoding": "chunked"} if reply.chunked else {"Content-Length": str(len(content))}
                for name, value in (length | reply.headers).items():
                    self.send_header(name, value)
                self.end_headers()
                if reply.chunked:
                    parts = [content[start : start + 1000] for start in range(0, len(content), 1000)]
                    content = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in [*parts, b""])
                if reply.cut:
                    content = content[: len(content) // 2]
                    self.close_connection = True
                try:
                    self.wfile.write(content)
                except OSError:  # the client has given up
                    self.close_connection = True

            do_GET = do_POST = _answer

            def log_message(self, *_: object) -> None:
                """Nothing: the tests look at `calls`."""

        return Handler
