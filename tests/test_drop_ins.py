"""The requests of TorchServe's, Alibi's and V2's users, by their own clients where there are any."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import requests
import torch
import tritonclient.http
from kserve import InferenceRESTClient, RESTConfig

from local.servers import ROOT, Pair
from tests.support.explaining import ask, examples
from tests.support.reference import attributions, load_network

pytestmark = [pytest.mark.parametrize("pair", ["mnist"], indirect=True), pytest.mark.usefixtures("one_thread")]

ALIBI = ROOT / ".venv" / "alibi"
READ_EXPLANATION = ROOT / "tests" / "alibi" / "read_explanation.py"
TIMEOUT = 60


def picture(index: int = 0) -> bytes:
    return (ROOT / "models" / "mnist" / "examples" / f"{index}.png").read_bytes()


def as_text(index: int = 0) -> str:
    return base64.b64encode(picture(index)).decode()


@pytest.mark.parametrize("verb", ["POST", "PUT"])
@pytest.mark.parametrize("path", ["/explanations/mnist", "/explanations/mnist/1.0"])
def test_torchserves_path_explains_a_pictures_bytes(verb: str, path: str, pair: Pair) -> None:
    reply = requests.request(verb, pair.explainer.url + path, data=picture(), timeout=TIMEOUT)
    assert reply.status_code == 200, reply.text
    assert list(reply.json()) == ["explanations"]
    explanations = np.float32(reply.json()["explanations"])
    np.testing.assert_array_equal(explanations, ask(pair, examples("mnist")[:1]).values, strict=True)
    # What the notebook that TorchServe published does with its answer.
    assert explanations.shape == (1, 1, 28, 28)
    assert explanations.reshape((28, 28, 1)).any()


def test_torchserves_form_explains_a_picture(pair: Pair) -> None:
    url = pair.explainer.url + "/explanations/mnist"
    reply = requests.post(url, files={"data": picture()}, data={"target": "3"}, timeout=TIMEOUT)
    expected = ask(pair, examples("mnist")[:1], target=3).values
    np.testing.assert_array_equal(np.float32(reply.json()["explanations"]), expected)


def test_kserves_client_explains_torchserves_instances(pair: Pair) -> None:
    document = {"instances": [{"data": as_text(0), "target": 0}, {"data": examples("mnist")[1].tolist()}]}

    async def explain() -> dict[str, Any]:
        client = InferenceRESTClient(RESTConfig(protocol="v1"))
        try:
            return await client.explain(pair.explainer.url, "mnist", document)
        finally:
            await client.close()

    answer = asyncio.run(explain())
    expected = ask(pair, examples("mnist")[:2], target=[0, None])
    np.testing.assert_array_equal(np.float32(answer["explanations"]), expected.values, strict=True)
    assert answer["parameters"] == expected.parameters


def test_tritonclient_explains_over_v2(pair: Pair) -> None:
    inputs = examples("mnist")[:3]
    entry = tritonclient.http.InferInput("image", list(inputs.shape), "FP32")
    entry.set_data_from_numpy(inputs.numpy())
    client = tritonclient.http.InferenceServerClient
    body, header_length = client.generate_request_body([entry], parameters={"n_steps": 15, "target": "[1, 2, 3]"})
    headers = {"Inference-Header-Content-Length": str(header_length)}
    reply = requests.post(pair.explainer.url + "/v2/models/mnist/explain", data=body, headers=headers, timeout=TIMEOUT)
    assert reply.status_code == 200, reply.text
    length = int(reply.headers["Inference-Header-Content-Length"])
    result = client.parse_response_body(reply.content, header_length=length)
    expected = ask(pair, inputs, n_steps=15, target=[1, 2, 3])
    np.testing.assert_array_equal(result.as_numpy("explain"), expected.values, strict=True)
    assert result.get_response()["parameters"]["model_digest"] == expected.document["model"]["digest"]
    deltas = [details["convergence_delta"] for details in expected.details]
    assert result.as_numpy("convergence_delta").tolist() == deltas


def test_a_request_over_v2_as_torchserve_publishes_it(pair: Pair) -> None:
    entry = {"name": "312a4eb0", "shape": [-1], "datatype": "BYTES", "data": [as_text()]}
    document = {"id": "d3b15cad-50a2-4eaf-80ce-8b0a428bd298", "inputs": [entry]}
    # Its README calls the header so.
    reply = requests.post(
        pair.explainer.url + "/v2/models/mnist/explain",
        data=json.dumps(document),
        headers={"ContentType": "application/json"},
        timeout=TIMEOUT,
    )
    answer = reply.json()
    assert (answer["id"], answer["model_name"], answer["model_version"]) == (document["id"], "mnist", "1.0")
    output = answer["outputs"][0]
    assert (output["name"], output["shape"], output["datatype"]) == ("explain", [1, 28, 28], "FP32")
    expected = ask(pair, examples("mnist")[:1]).values.ravel()
    np.testing.assert_array_equal(np.float32(output["data"]), expected)


def read_by_alibi(explanation: bytes) -> dict[str, Any]:
    command = [sys.executable, READ_EXPLANATION, ALIBI]
    ended = subprocess.run(command, input=explanation, capture_output=True, timeout=TIMEOUT)
    assert ended.returncode == 0, f"{ended.stderr.decode()[-2000:]}\n(make setup puts Alibi into {ALIBI})"
    return dict(json.loads(ended.stdout))


def test_alibi_reads_its_explanation_and_its_own_quadrature_gives_the_numbers(pair: Pair) -> None:
    inputs, targets = examples("mnist")[:2], [3, 8]
    body = {
        "format": "alibi",
        "instances": inputs.tolist(),
        "parameters": {"n_steps": 50, "method": "gausslegendre", "internal_batch_size": 100, "target": targets},
    }
    reply = requests.post(pair.explain_url, json=body, timeout=TIMEOUT)
    assert reply.status_code == 200, reply.text
    read = read_by_alibi(reply.content)
    assert read["written again"] == reply.json()
    assert read["missing"] == ["forward_kwargs"]
    assert read["meta"]["name"] == "IntegratedGradients"
    assert read["meta"]["params"].items() >= {"n_steps": 50, "method": "gausslegendre"}.items()
    assert read["data"] == {
        "attributions": [1, 2, 1, 28, 28],
        "X": [2, 1, 28, 28],
        "baselines": [2, 1, 28, 28],
        "predictions": [2, 10],
        "deltas": [2],
        "target": [2],
    }
    nodes, weights = np.polynomial.legendre.leggauss(50)
    np.testing.assert_allclose(read["step sizes"], weights / 2, rtol=1e-12)
    np.testing.assert_allclose(read["alphas"], (1 + nodes) / 2, rtol=1e-12)

    network = load_network(ROOT / "models" / "mnist").module()
    total = np.zeros(inputs.shape)
    for size, alpha in zip(read["step sizes"], read["alphas"], strict=True):
        point = (inputs * alpha).requires_grad_()
        picked = network(point)[range(2), targets].sum()
        total += size * torch.autograd.grad(picked, point)[0].double().numpy()
    data = reply.json()["data"]
    np.testing.assert_allclose(data["attributions"][0], inputs.double().numpy() * total, rtol=1e-3, atol=1e-5)


def test_alibis_numbers_have_captums_bits(pair: Pair) -> None:
    inputs = examples("mnist")[:2]
    body = {"format": "alibi", "instances": inputs.tolist(), "parameters": {"layer": "conv2", "target": 4}}
    answer = requests.post(pair.explain_url, json=body, timeout=TIMEOUT).json()
    parameters = {
        "method": "layer_integrated_gradients",
        "layer": answer["meta"]["params"]["layer"],
        "seed": 0,
        "n_steps": answer["meta"]["params"]["n_steps"],
        "quadrature": answer["meta"]["params"]["method"],
        "internal_batch_size": answer["meta"]["params"]["internal_batch_size"],
    }
    expected = attributions(load_network(ROOT / "models" / "mnist"), inputs, parameters, [4, 4])
    np.testing.assert_array_equal(np.float32(answer["data"]["attributions"][0]), expected)
