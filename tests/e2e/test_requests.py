"""Requests at the limits, through the gateway."""

from __future__ import annotations

import base64
import io
import time

import numpy as np
import pytest
import torch
from captum.attr import DeepLift
from captum_explainer import RemoteModel
from PIL import Image

from tests.e2e.conftest import TIMEOUT
from tests.e2e.deployed import GATEWAY, Deployed, picture
from tests.support.explaining import examples

MEBIBYTE = 1 << 20


def test_an_oversized_request_is_told_so_each_time(mnist: Deployed) -> None:
    body = b" " * (65 * MEBIBYTE)
    for _ in range(30):
        answer = mnist.ask("POST", "/v1/models/mnist:explain", data=body)
        assert answer.status_code == 413, answer.text
        assert answer.json()["error"].endswith(f"expected at most {64 * MEBIBYTE}")
    assert mnist.explain(examples("mnist")[:1].tolist()).status_code == 200


def test_an_explanation_past_its_deadline_is_our_504_before_the_gateways(mnist: Deployed) -> None:
    instances = examples("mnist")[[0] * 1000].tolist()
    begin = time.monotonic()
    answer = mnist.explain(instances, method="integrated_gradients", n_steps=1000)
    assert answer.status_code == 504, answer.text
    assert f"took longer than {TIMEOUT - 2} s" in answer.json()["error"]
    assert time.monotonic() - begin < TIMEOUT
    # Nothing of it goes on.
    begin = time.monotonic()
    assert mnist.explain(instances[:1]).status_code == 200
    assert time.monotonic() - begin < 5


def test_a_body_of_a_thousand_images(mnist: Deployed) -> None:
    instances = examples("mnist")[[i % 10 for i in range(1000)]].tolist()
    answer = mnist.explain(instances, method="saliency")
    assert answer.status_code == 200, answer.text
    explanations = answer.json()["explanations"]
    assert len(explanations) == 1000
    assert explanations[:10] == explanations[990:]


def test_a_picture_comes_through_the_gateway(mnist: Deployed) -> None:
    data = picture("mnist").read_bytes()
    answer = mnist.ask("POST", "/v1/models/mnist:explain", data=data, headers={"Accept": "image/png"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/png"), answer.text[:300]
    assert Image.open(io.BytesIO(answer.content)).size == (280, 280)


def test_a_notebook_reaches_the_predictor_through_the_gateway(mnist: Deployed) -> None:
    model = RemoteModel(GATEWAY, host=mnist.host)
    inputs = examples("mnist")[:2]
    predicted = torch.tensor(mnist.predict(inputs.tolist()).json()["predictions"])
    with torch.no_grad():
        torch.testing.assert_close(model(inputs).softmax(dim=1), predicted)
    explanation = mnist.explain(inputs.tolist(), method="deep_lift", target=3).json()
    assert model.digest == explanation["model"]["digest"]
    torch.testing.assert_close(DeepLift(model).attribute(inputs, target=3), torch.tensor(explanation["explanations"]))


@pytest.mark.parametrize("host", ["host", "explainer_host"])
def test_the_methods_are_told_on_both_hosts(mnist: Deployed, host: str) -> None:
    answer = mnist.ask("GET", "/v1/models/mnist/methods", host=getattr(mnist, host))
    assert answer.status_code == 200, answer.text
    assert "methods" in answer.json()


@pytest.mark.parametrize("host", ["host", "explainer_host"])
@pytest.mark.parametrize(("verb", "path"), [("POST", "/explanations/mnist"), ("PUT", "/explanations/mnist/1.0")])
def test_torchserves_path_explains_a_picture_on_both_hosts(mnist: Deployed, host: str, verb: str, path: str) -> None:
    answer = mnist.ask(verb, path, host=getattr(mnist, host), data=picture("mnist").read_bytes())
    assert answer.status_code == 200, answer.text
    expected = mnist.explain(examples("mnist")[:1].tolist()).json()["explanations"]
    assert answer.json() == {"explanations": expected}
    refused = mnist.ask(verb, path, host=getattr(mnist, host), data=b"no picture")
    assert refused.status_code == 400
    assert refused.json()["error"].startswith("the picture's format is not known")


def test_torchserves_form_explains_a_picture(mnist: Deployed) -> None:
    answer = mnist.ask("POST", "/explanations/mnist", files={"data": picture("mnist").read_bytes()})
    assert answer.status_code == 200, answer.text
    assert np.shape(answer.json()["explanations"]) == (1, 1, 28, 28)


def test_torchserves_instances_are_explained_each_for_its_target(mnist: Deployed) -> None:
    text = base64.b64encode(picture("mnist").read_bytes()).decode()
    document = {"instances": [{"data": text, "target": 3}, {"data": text}]}
    answer = mnist.ask("POST", "/v1/models/mnist:explain", json=document)
    assert answer.status_code == 200, answer.text
    assert [details["target"] for details in answer.json()["details"]] == [3, 7]
    assert np.shape(answer.json()["explanations"]) == (2, 1, 28, 28)


def test_alibis_format_is_answered(mnist: Deployed) -> None:
    document = {"format": "alibi", "instances": examples("mnist")[:2].tolist(), "parameters": {"target": [3, 8]}}
    answer = mnist.ask("POST", "/v1/models/mnist:explain", json=document)
    assert answer.status_code == 200, answer.text
    assert answer.json()["meta"]["name"] == "IntegratedGradients"
    assert np.shape(answer.json()["data"]["attributions"]) == (1, 2, 1, 28, 28)


@pytest.mark.parametrize("host", ["host", "explainer_host"])
def test_v2_explains_on_both_hosts(mnist: Deployed, host: str) -> None:
    pictures = examples("mnist")[:2]
    tensor = {"name": "image", "datatype": "FP32", "shape": list(pictures.shape), "data": pictures.ravel().tolist()}
    answer = mnist.ask("POST", "/v2/models/mnist/explain", host=getattr(mnist, host), json={"inputs": [tensor]})
    assert answer.status_code == 200, answer.text
    output = answer.json()["outputs"][0]
    assert (output["name"], output["shape"]) == ("explain", [2, 1, 28, 28])
    expected = mnist.explain(pictures.tolist()).json()["explanations"]
    assert output["data"] == np.ravel(expected).tolist()
