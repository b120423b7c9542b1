"""The predictor describes its model wrongly, or sparingly."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import requests
import torch
from captum.attr import IntegratedGradients

from tests.support import faults, misbehaving_predictor
from tests.support.faults import refusal
from tests.support.faulty_pair import IMAGE, TARGET, Pair, assert_failed, assert_right, faulty_pair, in_process
from tests.support.misbehaving_predictor import INPUT, NAME, Answer, Fault, Predictor


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with faulty_pair(tmp_path_factory.mktemp("described"), Predictor()) as pair:
        yield pair


def described(**changes: object) -> Fault:
    """A description with other values; those that are missing are taken away."""

    def change(answer: Answer) -> None:
        answer.document.update(changes)
        for name in [name for name, value in changes.items() if value is MISSING]:
            del answer.document[name]

    return faults.changed(change)


MISSING = object()
TENSOR = {"name": "image", "datatype": "FP32", "shape": [-1, *INPUT]}
STAGE = {"name": "logits", "kind": "linear", "shape": [3], "options": {}}
NOT_V2, NOT_OURS = "is not one of the Open Inference Protocol", "is not one of the gradient extension"
DESCRIPTIONS: dict[str, tuple[Fault, int, str]] = {
    "hangs": (faults.hang, 504, "took longer than 2 s"),
    "hangs up": (faults.hang_up, 503, "closed the connection"),
    "speaks no HTTP": (faults.speak_no_http, 502, "does not answer in HTTP"),
    "fails": (refusal(500, {"error": "no"}), 502, "status 500: no"),
    "wants credentials": (refusal(401, {"error": "a token is missing"}), 401, "a token is missing"),
    "answers with a page": (faults.body_of(b"<html>", "text/html"), 502, NOT_V2),
    "answers with a list": (faults.body_of(b"[1]"), 502, NOT_V2),
    "has extensions that are a number": (described(extensions=1), 502, NOT_V2),
    "has no inputs": (described(inputs=[]), 502, f"{NOT_OURS}; inputs: got [], expected 1 or more entries"),
    "has an input that is a string": (
        described(inputs="image"),
        502,
        f"{NOT_OURS}; inputs: got 'image', expected a list",
    ),
    "has an input without a shape": (
        described(inputs=[{**TENSOR, "shape": None}]),
        502,
        f"{NOT_OURS}; inputs[0].shape",
    ),
    "has an input of words": (
        described(inputs=[{**TENSOR, "shape": [-1, "a"]}]),
        502,
        f"{NOT_OURS}; inputs[0].shape[1]",
    ),
    "has no outputs": (
        described(outputs=MISSING),
        502,
        f"{NOT_OURS}; outputs is missing, expected the keys inputs, outputs, model_digest",
    ),
    "has an empty list of stages": (
        described(stages=[]),
        502,
        f"{NOT_OURS}; stages: got [], expected 1 or more entries",
    ),
    "has a stage without a name": (described(stages=[{**STAGE, "name": None}]), 502, f"{NOT_OURS}; stages[0].name"),
    "has a stage with a dot": (described(stages=[{**STAGE, "name": "a.b"}]), 502, f"{NOT_OURS}; stages[0].name"),
    "has a stage of words": (described(stages=[{**STAGE, "shape": ["a"]}]), 502, f"{NOT_OURS}; stages[0].shape[0]"),
    "has a stage twice": (
        described(stages=[STAGE, STAGE]),
        502,
        "expected every name only once, but 'logits' is there twice",
    ),
    "has options that are a list": (
        described(stages=[{**STAGE, "options": [1]}]),
        502,
        f"{NOT_OURS}; stages[0].options",
    ),
    "has options that nothing has": (
        described(stages=[{**STAGE, "kind": "relu", "options": {"slope": 1}}]),
        502,
        "options that no relu has",
    ),
    "has a range of one number": (described(input_range=[0.0]), 502, f"{NOT_OURS}; input_range"),
    "has a range of words": (described(input_range=["a", "b"]), 502, f"{NOT_OURS}; input_range[0]"),
    "has labels that are a number": (described(labels=3), 502, f"{NOT_OURS}; labels"),
    "has labels that are numbers": (described(labels=[1, 2, 3]), 502, f"{NOT_OURS}; labels[0]"),
    "has a baseline that is a word": (described(baseline="black"), 502, f"{NOT_OURS}; baseline"),
    "has no digest": (described(model_digest=MISSING), 502, f"{NOT_OURS}; model_digest is missing"),
    "has a digest that is null": (described(model_digest=None), 502, f"{NOT_OURS}; model_digest"),
}


@pytest.mark.parametrize(("fault", "status", "sentence"), DESCRIPTIONS.values(), ids=DESCRIPTIONS.keys())
def test_a_predictor_that_describes_itself_and(fault: Fault, status: int, sentence: str, pair: Pair) -> None:
    pair.predictor.digest = "d" * 64  # so that the description is asked for again
    try:
        with pair.predictor.doing(describing=fault):
            assert_failed(pair.explain(method="deep_lift"), status, sentence)
        assert_right(pair.explain(method="saliency"))
    finally:
        pair.predictor.digest = misbehaving_predictor.DIGEST
    assert_right(pair.explain(method="saliency"))


@pytest.fixture
def sparing(pair: Pair) -> Iterator[Pair]:
    """Its predictor leaves out all that may be left out."""
    pair.predictor.digest = "e" * 64
    sparingly = described(stages=MISSING, input_range=MISSING, labels=MISSING, baseline=MISSING)
    with pair.predictor.doing(describing=sparingly):
        yield pair
    pair.predictor.digest = misbehaving_predictor.DIGEST


def test_a_model_without_stages_is_one_that_gives_gradients(sparing: Pair) -> None:
    assert_right(sparing.explain(method="saliency"))
    response = sparing.explain(method="integrated_gradients")
    expected = in_process(
        IntegratedGradients(misbehaving_predictor.network()).attribute, baselines=torch.zeros(1, *INPUT)
    )
    np.testing.assert_allclose(response.json()["explanations"], expected, rtol=1e-4, atol=1e-6)
    assert response.json()["details"][0]["target_label"] == str(TARGET)
    needs = "deep_lift needs the model's structure (the gradient extension with named stages), and the predictor gives"
    assert_failed(sparing.explain(method="deep_lift"), 400, needs)
    catalogue = requests.get(f"{sparing.explainer.url}/v1/models/{NAME}/methods", timeout=30).json()
    assert catalogue["access"] == "gradients"
    assert "saliency" in [method["name"] for method in catalogue["methods"]]


def test_without_a_range_any_values_are_the_models(sparing: Pair) -> None:
    body = {"instances": [(IMAGE * 1000).tolist()], "parameters": {"method": "saliency", "target": TARGET}}
    response = requests.post(sparing.explain_url, json=body, timeout=30)
    assert response.status_code == 200, response.text
