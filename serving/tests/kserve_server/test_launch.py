import asyncio
import json
import os
import signal
import socket
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest
from captum_serving.errors import Forbidden, NotFound
from captum_serving.kserve_server import rest_server
from captum_serving.kserve_server.data_plane import FixedRepository, TruthfulDataPlane
from captum_serving.kserve_server.launch import Server
from captum_serving.kserve_server.rest_server import RestServer
from captum_serving.limits import ClientLimits
from kserve import Model, ModelRepository
from timing_asgi import TimingMiddleware


class Sick(Model):
    async def healthy(self):
        return False


def ready(name):
    model = Model(name)
    model.load()
    return model


def data_plane(*models):
    registry = ModelRepository()
    for model in models:
        registry.update(model)
    return TruthfulDataPlane(registry)


def test_a_server_is_ready_when_all_its_models_are():
    assert asyncio.run(data_plane(ready("a"), ready("b")).ready())
    assert not asyncio.run(data_plane(ready("a"), Sick("b")).ready())
    assert not asyncio.run(data_plane().ready())


def test_a_model_that_is_not_there_is_ours_to_name():
    plane = data_plane(ready("a"), ready("b"))
    assert asyncio.run(plane.model_ready("a"))
    assert asyncio.run(plane.get_model("b")).name == "b"
    for call in (plane.model_ready, plane.get_model):
        with pytest.raises(NotFound, match=r"^model 'c' is not known; this server has 'a', 'b'$"):
            asyncio.run(call("c"))


def test_a_model_that_is_not_ready_says_so():
    assert not asyncio.run(data_plane(Sick("a")).model_ready("a"))


def test_models_are_neither_loaded_nor_unloaded():
    registry = ModelRepository()
    registry.update(ready("a"))
    repository = FixedRepository(registry)
    for call in (repository.load, repository.unload):
        with pytest.raises(Forbidden, match="load and unload are not offered"):
            asyncio.run(call("a"))
    assert list(registry.get_models()) == ["a"]


@pytest.fixture
def taken_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


@pytest.mark.parametrize("kind", ["http_port", "grpc_port"])
def test_a_port_that_is_taken_is_an_error(taken_port, free_port, kind):
    ports = {"http_port": free_port(), "grpc_port": free_port(), kind: taken_port}
    server = Server("server", "127.0.0.1", enable_grpc=True, **ports)
    with pytest.raises(SystemExit, match=rf"^cannot listen on 127.0.0.1 port {taken_port}: .*choose another port$"):
        server.start([ready("a")])


def test_a_server_listens_on_its_host_only_logs_no_line_a_request_and_ends_with_status_0(running):
    process, http_port, grpc_port, log = running
    for port in (http_port, grpc_port):
        assert listeners(port) == {"0100007F"}, "127.0.0.1, as the kernel writes it"
    with socket.socket() as sharer:
        sharer.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        with pytest.raises(OSError, match="Address already in use"):
            sharer.bind(("127.0.0.1", grpc_port))
    with urllib.request.urlopen(f"http://127.0.0.1:{http_port}/v1/models", timeout=5) as response:
        assert json.load(response) == {"models": ["nothing"]}
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert not [line for line in log.read_text().splitlines() if "GET /" in line or "kserve.trace" in line]
    assert "Traceback" not in log.read_text()


def get(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
        return json.load(response)


@pytest.mark.parametrize(("flags", "loop"), [([], "uvloop"), (["--event-loop=asyncio"], "asyncio.unix_events")])
@pytest.mark.parametrize("workers", [1, 2])
def test_the_event_loop_is_uvloops_where_no_flag_says_otherwise(serving, tmp_path, workers, flags, loop):
    with serving(tmp_path, "INFO", f"--workers={workers}", *flags) as (_, http_port, _, _):
        assert get(http_port, "/process")["loop"] == loop


def test_two_workers_build_their_own_routes_and_one_that_ends_is_replaced(serving, tmp_path):
    def wait_for_two_without(ended=None):
        found = set()
        end = time.monotonic() + 60
        while len(found) < 2:
            assert time.monotonic() < end
            with suppress(OSError):  # of the connections that the ended one had taken
                found.add(get(http_port, "/process")["process"])
            found.discard(ended)
        return found

    with serving(tmp_path, "INFO", "--workers=2") as (process, http_port, _, log):
        first = wait_for_two_without()
        assert process.pid not in first
        ended = min(first)
        os.kill(ended, signal.SIGKILL)
        second = wait_for_two_without(ended)
        assert len(first & second) == 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert not [pid for pid in second if Path(f"/proc/{pid}").exists()]
        assert "Traceback" not in log.read_text()
        assert "GET /" not in log.read_text()


def test_no_module_is_looked_through_for_garbage(running):
    _, http_port, _, _ = running
    with urllib.request.urlopen(f"http://127.0.0.1:{http_port}/garbage", timeout=5) as response:
        objects = json.load(response)
    assert objects["frozen"] > 100_000
    assert objects["looked at"] < objects["frozen"] / 10
    assert objects["collects"]


@pytest.mark.parametrize("running", ["DEBUG"], indirect=True)
def test_at_level_debug_a_request_has_its_line_and_its_times_and_a_proxy_says_whose_it_is(running):
    process, http_port, _, log = running
    request = urllib.request.Request(
        f"http://127.0.0.1:{http_port}/v1/models", headers={"X-Forwarded-For": "192.0.2.7"}
    )
    urllib.request.urlopen(request, timeout=5).close()
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    lines = log.read_text().splitlines()
    assert [line for line in lines if "192.0.2.7" in line and '"GET /v1/models HTTP/1.1"' in line]
    timed = [line for line in lines if "kserve.trace kserve.io.v1.models: " in line]
    assert [line.rpartition(" ")[2] for line in timed] == ["'time:wall']", "'time:cpu']"]


def test_nothing_is_timed_where_no_line_says_so(monkeypatch):
    server = RestServer("server", "127.0.0.1", ClientLimits(), data_plane(), None, http_port=0)
    monkeypatch.setattr(rest_server, "KSERVE_LOGLEVEL", "INFO")
    assert server._make_middleware() == []
    monkeypatch.setattr(rest_server, "KSERVE_LOGLEVEL", "DEBUG")
    assert [each.cls for each in server._make_middleware()] == [TimingMiddleware]


def listeners(port):
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            address, local_port = line.split()[1].split(":")
            if int(local_port, 16) == port and line.split()[3] == "0A":
                found.add(address[-8:])
    return found
