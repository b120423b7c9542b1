"""How the server starts, is loaded with work, and ends: with a network that takes as long as its input says."""

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest
import requests
from captum_serving.protocol import wire
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import GRPCInferenceServiceStub

INFER = "/v2/models/waiting/infer"


def body_of(seconds, rows=1, explanation=False):
    image = np.full((rows, 1, 2, 2), seconds, np.float32)
    body, header_length = wire.encode({"parameters": {"explanation": explanation}}, {"image": image}, "inputs", True)
    return body, {wire.HEADER_LENGTH: str(header_length)}


def infer(server, *arguments, **options):
    body, headers = body_of(*arguments, **options)
    return server.post(INFER, body, **headers)


def grpc_channel(server):
    return grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}")


def grpc_request(seconds, rows=1):
    raw = np.full((rows, 1, 2, 2), seconds, np.float32).tobytes()
    entry = pb.ModelInferRequest.InferInputTensor(name="image", datatype="FP32", shape=[rows, 1, 2, 2])
    return pb.ModelInferRequest(model_name="waiting", inputs=[entry], raw_input_contents=[raw])


def gauge(server, name):
    for line in server.get("/metrics").text.splitlines():
        if line.startswith(f"captum_predictor_{name} "):
            return float(line.split()[-1])
    raise AssertionError(f"no metric {name}")


def gone(server):
    """The requests of V2 whose client hung up, as they are counted."""
    text = server.get("/metrics").text
    found = re.search(r'^captum_predictor_requests_total{kind="v2_infer",status="499"} (.*)$', text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def busy_lanes(server, priority):
    return gauge(server, f'busy_lanes{{priority="{priority}"}}')


def queue_rows(server, priority):
    return gauge(server, f'queue_rows{{priority="{priority}"}}')


def wait_for(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


FLAGS = ("--architectures=waiting_network", "--lanes=1", "--max_rows=30", "--queue_rows=60")


@pytest.fixture(scope="module")
def waiting_server(start_server, waiting_directory, tmp_path_factory):
    log = tmp_path_factory.mktemp("waiting") / "log"
    with start_server(waiting_directory, log, *FLAGS, model_name="waiting") as server:
        yield server


@pytest.fixture
def ending_server(start_server, waiting_directory, tmp_path):
    with start_server(waiting_directory, tmp_path / "log", *FLAGS, model_name="waiting") as server:
        yield server


def test_sigterm_stops_taking_requests_finishes_those_under_way_and_exits_with_0(ending_server):
    with ThreadPoolExecutor(2) as threads, grpc_channel(ending_server) as channel:
        over_rest = threads.submit(infer, ending_server, 2.0)
        over_grpc = threads.submit(GRPCInferenceServiceStub(channel).ModelInfer, grpc_request(2.0), timeout=30)
        wait_for(lambda: queue_rows(ending_server, "prediction") == 1)  # one is under way, and one waits
        ending_server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        with pytest.raises(requests.ConnectionError):
            ending_server.get("/v2/health/ready")
        assert over_rest.result().status_code == 200
        assert over_rest.result().json()["outputs"][0]["shape"] == [1, 3]
        assert list(over_grpc.result().outputs[0].shape) == [1, 3]
    assert ending_server.process.wait(30) == 0
    assert "Traceback" not in ending_server.log.read_text()


def test_a_client_that_hangs_up_takes_its_rows_out_of_the_queue(waiting_server):
    before = gone(waiting_server)
    with ThreadPoolExecutor(1) as threads:
        held = threads.submit(infer, waiting_server, 1.5)
        wait_for(lambda: busy_lanes(waiting_server, "prediction") == 1)
        body, headers = body_of(10.0, rows=30)
        lines = [f"POST {INFER} HTTP/1.1", "Host: server", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        with socket.create_connection(("127.0.0.1", waiting_server.http_port)) as connection:
            connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
            wait_for(lambda: queue_rows(waiting_server, "prediction") == 30)
        wait_for(lambda: queue_rows(waiting_server, "prediction") == 0)
        wait_for(lambda: gone(waiting_server) == before + 1)
        assert held.result().status_code == 200
    begin = time.monotonic()
    assert infer(waiting_server, 0.0).status_code == 200
    assert time.monotonic() - begin < 5


def test_a_grpc_client_that_gives_up_takes_its_rows_out_of_the_queue(waiting_server):
    with ThreadPoolExecutor(1) as threads, grpc_channel(waiting_server) as channel:
        held = threads.submit(infer, waiting_server, 1.5)
        wait_for(lambda: busy_lanes(waiting_server, "prediction") == 1)
        call = GRPCInferenceServiceStub(channel).ModelInfer.future(grpc_request(10.0, rows=30), timeout=30)
        wait_for(lambda: queue_rows(waiting_server, "prediction") == 30)
        call.cancel()
        wait_for(lambda: queue_rows(waiting_server, "prediction") == 0)
        assert held.result().status_code == 200


def test_a_full_queue_is_503_with_retry_after_and_recovers(waiting_server):
    with ThreadPoolExecutor(3) as threads:
        calls = [threads.submit(infer, waiting_server, 1.0)]
        wait_for(lambda: busy_lanes(waiting_server, "prediction") == 1)
        calls += [threads.submit(infer, waiting_server, 0.01, rows=29) for _ in range(2)]
        wait_for(lambda: queue_rows(waiting_server, "prediction") == 58)
        refused = infer(waiting_server, 0.0, rows=3)
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "1"
        sentence = "58 rows wait already, and with these 3 it would be more than 60; try again in a moment"
        assert refused.json() == {"error": sentence}
        assert all(call.result().status_code == 200 for call in calls)
    assert infer(waiting_server, 0.0, rows=3).status_code == 200


def test_a_prediction_overtakes_the_chunks_of_an_explanation(waiting_server):
    finished = []

    def call(name, *arguments, **options):
        assert infer(waiting_server, *arguments, **options).status_code == 200
        finished.append(name)

    explanation = threading.Thread(target=call, args=("explanation", 1.0), kwargs={"rows": 30, "explanation": True})
    explanation.start()
    wait_for(lambda: queue_rows(waiting_server, "explanation") == 15)  # the first of two chunks is under way
    assert busy_lanes(waiting_server, "explanation") == 1
    call("prediction", 0.0)
    explanation.join(20)
    assert finished == ["prediction", "explanation"]


def run(*flags):
    command = [sys.executable, "-m", "captum_predictor", "--host=127.0.0.1", *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_a_directory_that_cannot_be_served_is_one_line_and_status_1(tmp_path):
    result = run(f"--model_dir={tmp_path}")
    assert result.returncode == 1
    assert result.stderr.splitlines() == [
        f"{tmp_path}/model.json: the file is missing, expected the model's description as JSON"
    ]
    assert result.stdout == ""


def test_a_port_that_is_taken_is_one_line_and_status_1(mnist_directory):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = run(f"--model_dir={mnist_directory}", f"--http_port={port}")
    assert result.returncode == 1
    assert f"cannot listen on 127.0.0.1 port {port}: Address already in use" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_model_is_named_after_the_inference_service_and_workers_are_accepted(
    start_server, mnist_directory, tmp_path, monkeypatch
):
    monkeypatch.setenv("INFERENCE_SERVICE_NAME", "digits")
    flags = ("--workers=2", "--enable_grpc=false")
    with start_server(mnist_directory, tmp_path / "log", *flags, model_name=None) as server:
        assert server.get("/v1/models").json() == {"models": ["digits"]}
        children = subprocess.run(["pgrep", "-P", str(server.process.pid)], capture_output=True, text=True).stdout
        assert children == ""
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", server.grpc_port)) != 0
        body = json.dumps({"instances": np.zeros((1, 28, 28)).tolist()})
        assert server.post("/v1/models/digits:predict", body).ok
        assert server.stop() == 0
