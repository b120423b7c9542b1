import asyncio

import httpx
import pytest
from captum_serving.boundary import hang_ups, limits
from captum_serving.boundary.front import build_application
from captum_serving.boundary.route import Route
from captum_serving.errors import BadInput, Overloaded
from captum_serving.limits import ClientLimits
from opentelemetry import trace
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, StreamingResponse

LIMIT = 100
HELD = 250
LIMITS = ClientLimits(max_body_bytes=LIMIT, max_held_bytes=HELD)


async def length(request):
    return JSONResponse({"length": len(await request.body())})


async def refuse(request):
    raise BadInput("got this; expected that")


async def overloaded(request):
    raise Overloaded("full")


async def fail(request):
    raise RuntimeError("a secret of the server's")


async def name(request):
    return JSONResponse(request.path_params)


async def break_off(request):
    async def parts():
        yield b"begun"
        raise RuntimeError("in the middle")

    return StreamingResponse(parts())


ROUTES = [
    Route("POST", "/length", length),
    Route("GET", "/refuse", refuse),
    Route("GET", "/overloaded", overloaded),
    Route("GET", "/fail", fail),
    Route("GET", "/break-off", break_off),
    Route("POST", "/names/{name}:length", length),
    Route("GET", "/names/{name}", name),
    Route("PUT", "/names/{name}", length),
    Route("GET", "/names/{name}", fail),
]


def build(*more, middleware=()):
    return build_application([*more, *ROUTES], "server", limits.Bodies(LIMITS), middleware)


@pytest.fixture
def app():
    return build()


def ask(app, method, path, **arguments):
    async def send():
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            return await client.request(method, path, **arguments)

    return asyncio.run(send())


@pytest.fixture
def client(app):
    return lambda method, path, **arguments: ask(app, method, path, **arguments)


def test_a_body_within_the_limit_reaches_the_handler(client):
    assert client("POST", "/length", content=b"x" * LIMIT).json() == {"length": LIMIT}
    assert client("POST", "/length").json() == {"length": 0}


def test_a_body_over_the_limit_is_413_with_its_size(client):
    response = client("POST", "/length", content=b"x" * 101)
    assert response.status_code == 413
    assert response.json() == {"error": "the body has 101 bytes; expected at most 100"}


def test_a_body_without_end_is_cut_off(app):
    received = 0

    async def endless():
        nonlocal received
        received += 1
        return {"type": "http.request", "body": b"x" * 50, "more_body": True}

    sent = asyncio.run(call(app, endless))
    assert sent[0]["status"] == 413
    assert b"the body has more than 100 bytes; expected at most 100" in sent[1]["body"]
    assert received == limits.DRAIN_FACTOR * LIMIT // 50 + 1


def test_a_client_that_hangs_up_gets_nothing_and_reaches_nobody(app):
    async def gone():
        return {"type": "http.disconnect"}

    assert asyncio.run(call(app, gone)) == []


async def call(app, receive, path="/length"):
    sent = []

    async def send(message):
        sent.append(message)

    method = "POST" if path == "/length" else "GET"
    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": [], "http_version": "1.1"}
    await app(scope, receive, send)
    return sent


@pytest.mark.parametrize(("method", "path", "status"), [("POST", "/nowhere", 404), ("PUT", "/length", 405)])
def test_a_body_that_nobody_wants_passes_and_is_not_kept(method, path, status):
    bodies = limits.Bodies(LIMITS)
    app = build_application(ROUTES, "server", bodies)
    held = []

    async def body():
        for _ in range(20):
            held.append(bodies.held)
            yield b"x" * 10

    assert ask(app, method, path, content=body()).status_code == status
    assert held == [0] * 20


def test_bodies_are_held_up_to_a_limit_and_until_they_are_answered():
    bodies = limits.Bodies(LIMITS)
    released = asyncio.Event()

    async def hold(request):
        body = await request.body()
        await released.wait()
        return JSONResponse(len(body))

    app = build_application([Route("POST", "/hold", hold)], "server", bodies)

    async def send():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            first = [asyncio.ensure_future(client.post("/hold", content=b"x" * LIMIT)) for _ in range(2)]
            await asyncio.sleep(0.05)
            assert bodies.held == 2 * LIMIT
            refused = await client.post("/hold", content=b"x" * LIMIT)
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
            small = asyncio.ensure_future(client.post("/hold", content=b"x" * 50))
            await asyncio.sleep(0.05)
            released.set()
            return [response.json() for response in await asyncio.gather(*first, small)]

    assert asyncio.run(send()) == [LIMIT, LIMIT, 50]
    assert bodies.held == 0


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd, gzip"])
def test_a_compressed_body_is_refused_in_a_sentence(client, encoding):
    response = client("POST", "/length", content=b"x", headers={"Content-Encoding": encoding})
    sentence = f"Content-Encoding is {encoding!r}; expected none: send the body uncompressed"
    assert (response.status_code, response.json()) == (400, {"error": sentence})


@pytest.mark.parametrize("encoding", ["identity", "Identity"])
def test_what_is_said_not_to_be_compressed_is_taken(client, encoding):
    assert client("POST", "/length", content=b"x", headers={"Content-Encoding": encoding}).json() == {"length": 1}


def test_work_is_cancelled_where_the_client_hangs_up():
    events = iter([{"type": "http.request", "body": b"", "more_body": False}, {"type": "http.disconnect"}])
    outcome = []

    async def work():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            outcome.append("cancelled")
            raise

    async def endless(request):
        return await hang_ups.while_connected(request, work())

    async def next_event():
        return next(events)

    async def hung_up():
        sent = await call(app, next_event, "/endless")
        await asyncio.sleep(0)  # the cancellation's turn
        return sent, list(outcome)

    app = build(Route("GET", "/endless", endless))
    assert asyncio.run(hung_up()) == ([], ["cancelled"])


def test_our_errors_go_out_as_their_sentence(client):
    response = client("GET", "/refuse")
    assert (response.status_code, response.json()) == (400, {"error": "got this; expected that"})
    assert "retry-after" not in response.headers


def test_overload_says_when_to_try_again(client):
    response = client("GET", "/overloaded")
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")


def test_an_unexpected_error_is_logged_and_its_text_stays_here(client, caplog):
    response = client("GET", "/fail")
    assert (response.status_code, response.json()) == (500, {"error": "the server failed; its log says why"})
    assert "a secret of the server's" in caplog.text


def test_a_route_has_its_paths_parameters_and_a_path_its_own_methods_only(client):
    assert client("GET", "/names/1").json() == {"name": "1"}  # the first of two
    assert client("PUT", "/names/1", content=b"x").json() == {"length": 1}
    assert client("HEAD", "/names/1").status_code == 200
    assert client("POST", "/names/1").json() == {"error": "POST is not possible at /names/1; expected GET, HEAD, PUT"}


def test_the_first_path_that_fits_decides_what_methods_there_are(client):
    assert client("POST", "/names/1:length").json() == {"length": 0}
    response = client("GET", "/names/1:length")
    sentence = "GET is not possible at /names/1:length; expected POST"
    assert (response.status_code, response.json()) == (405, {"error": sentence})
    assert response.headers["allow"] == "POST"


def test_the_body_is_handed_on_as_it_was_read():
    body = b"x" * LIMIT
    seen = []

    async def keep(request):
        seen.append(await request.body())
        return JSONResponse(None)

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    asyncio.run(call(build(Route("GET", "/keep", keep)), receive, "/keep"))
    assert seen[0] is body


class Noted:
    """A middleware as those that log."""

    def __init__(self, app, noted):
        self.app, self.noted = app, noted

    async def __call__(self, scope, receive, send):
        async def note(message):
            if message["type"] == "http.response.start":
                self.noted.append((scope["path"], message["status"]))
            await send(message)

        await self.app(scope, receive, note)


def test_middleware_sees_every_request_and_its_status():
    noted = []
    app = build(middleware=[Middleware(Noted, noted=noted)])
    assert ask(app, "POST", "/length", content=b"xyz").json() == {"length": 3}
    assert ask(app, "GET", "/refuse").json() == {"error": "got this; expected that"}
    for path in ("/nowhere", "/fail"):
        ask(app, "GET", path)
    ask(app, "POST", "/length", content=b"x" * 101)
    assert noted == [("/length", 200), ("/refuse", 400), ("/nowhere", 404), ("/fail", 500), ("/length", 413)]


class Routes(trace.NonRecordingSpan):
    """A span that notes the routes it is told of, its tracer and the tracer's provider."""

    def __init__(self):
        super().__init__(trace.INVALID_SPAN_CONTEXT)
        self.noted = []

    def get_tracer(self, *arguments, **named):
        return self

    def start_span(self, *arguments, **named):
        return self

    def set_attributes(self, attributes):
        self.noted.append(attributes["http.route"])


def test_telemetry_is_told_of_our_routes(monkeypatch):
    routes = Routes()
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: routes)
    asyncio.run(call(build(), empty, "/names/one"))
    assert "/names/{name}" in routes.noted


async def empty():
    return {"type": "http.request", "body": b"", "more_body": False}


def test_an_error_after_the_answers_beginning_adds_no_second_answer(app, caplog):
    events = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def nothing():
        return next(events, None) or await asyncio.Event().wait()

    sent = asyncio.run(call(app, nothing, "/break-off"))
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert sent[1]["body"] == b"begun"
    assert sent[1]["more_body"]
    assert "in the middle" in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "status", "sentence"),
    [
        ("GET", "/nowhere", 404, "the server has nothing at /nowhere; GET /v1/models lists the models"),
        ("GET", "/openapi.json", 404, "the server has nothing at /openapi.json; GET /v1/models lists the models"),
        ("GET", "/docs", 404, "the server has nothing at /docs; GET /v1/models lists the models"),
        ("GET", "/redoc", 404, "the server has nothing at /redoc; GET /v1/models lists the models"),
        ("GET", "/length/", 404, "the server has nothing at /length/; GET /v1/models lists the models"),
        ("GET", "/length", 405, "GET is not possible at /length; expected POST"),
        ("GET", "/" + "x" * 500, 404, f"the server has nothing at /{'x' * 199}; GET /v1/models lists the models"),
    ],
)
def test_starlettes_own_errors_are_ours(client, method, path, status, sentence):
    response = client(method, path)
    assert (response.status_code, response.json()) == (status, {"error": sentence})


def test_other_protocols_pass(app):
    async def receive():
        return {"type": next(events)}

    async def send(message):
        sent.append(message["type"])

    sent, events = [], iter(["lifespan.startup", "lifespan.shutdown"])
    asyncio.run(app({"type": "lifespan"}, receive, send))
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
