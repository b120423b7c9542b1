"""A predictor with small limits of its own says so, and the explainer's calls keep to them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests

from local.servers import ROOT, Pair, running_pair
from local.shipped_models import example_images
from tests.support.explaining import ask
from tests.support.reference import attributions, load_network

# A row of conv1's values has 200 kB.
LIMITS = ("--max_rows=30", "--max_body_bytes=500000")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with running_pair("mnist", tmp_path_factory.mktemp("small"), predictor_flags=LIMITS) as pair:
        yield pair


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"method": "integrated_gradients", "n_steps": 25},
        {"method": "gradient_shap", "n_samples": 100},
        {"method": "deep_lift"},
        {"method": "occlusion", "sliding_window_shapes": 9},
        {"method": "kernel_shap", "n_samples": 200},
        {"method": "layer_integrated_gradients", "layer": "conv2", "n_steps": 60},
    ],
    ids=str,
)
def test_every_kind_of_call_keeps_to_them(small: Pair, parameters: dict[str, Any]) -> None:
    network, inputs = load_network(ROOT / "models" / "mnist"), example_images("mnist", 2)
    answer = ask(small, inputs, **parameters)
    assert answer.status == 200, answer.document
    target = network.scores(inputs).argmax(dim=1).tolist()
    expected = attributions(network, inputs, answer.parameters, target).numpy()
    # Fewer rows at once may have other last bits.
    np.testing.assert_allclose(answer.values, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_they_are_limits(small: Pair) -> None:
    tensor = {"name": "image", "datatype": "FP32", "shape": [31, 1, 28, 28], "data": [0] * 31 * 784}
    response = requests.post(f"{small.predictor.url}/v2/models/mnist/infer", json={"inputs": [tensor]}, timeout=30)
    assert response.status_code == 413
    assert "has 31 rows; expected at most 30" in response.json()["error"]


def test_texts_keep_to_them_too(tmp_path: Path) -> None:
    with running_pair("sentiment", tmp_path, predictor_flags=("--max_rows=7",)) as pair:
        texts = ["not a dull minute", "a long, dull and empty film without any idea"] * 5
        for parameters in ({"method": "lime", "n_samples": 30}, {"method": "layer_integrated_gradients"}):
            response = requests.post(pair.explain_url, json={"instances": texts, "parameters": parameters}, timeout=60)
            assert response.status_code == 200, response.text
