"""What is foreseen comes with the scores: one call, and the bits of several."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from local.servers import Pair
from tests.support.explaining import examples

CASES: dict[str, dict[str, Any]] = {
    "integrated gradients": {"method": "integrated_gradients"},
    "by another rule": {"method": "integrated_gradients", "quadrature": "riemann_trapezoid", "n_steps": 7},
    "from each instance's mean": {"method": "integrated_gradients", "baselines": "mean", "n_steps": 13},
    "internal influence": {"method": "internal_influence", "layer": "conv2", "n_steps": 7},
}
# Runs of stages between nonlinearities.
REMOTE = {"fashion-mnist": 3, "mnist": 4}
# How many pictures, and which calls remain: of one that brings all values and the last gradient, and a backward pass.
FORESEEN: dict[str, tuple[int, dict[str, Any], Callable[[int], int]]] = {
    "saliency": (3, {}, lambda remote: 1),
    "input_x_gradient": (3, {}, lambda remote: 1),
    "deep_lift": (1, {}, lambda remote: remote),
    "guided_backprop": (3, {}, lambda remote: remote),
    "layer_activation": (3, {"layer": "conv2"}, lambda remote: 1),
    "layer_grad_cam": (3, {"layer": "conv2"}, lambda remote: 1),
    "layer_deep_lift": (1, {"layer": "conv2"}, lambda remote: remote - 2),
    "neuron_gradient": (3, {"layer": "conv2", "neuron": [1, 2, 3]}, lambda remote: 1),
    "neuron_deconvolution": (3, {"layer": "conv2", "neuron": [1, 2, 3]}, lambda remote: 2),
}


def calls(pair: Pair) -> float:
    lines = requests.get(f"{pair.explainer.url}/metrics", timeout=10).text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("captum_explainer_predictor_calls_total"))


def explained(pair: Pair, parameters: dict[str, Any], count: int = 3) -> tuple[dict[str, Any], float]:
    """The answer for three pictures of three classes, and how many calls it took."""
    before = calls(pair)
    body = {"instances": examples(pair.name)[:count].tolist(), "parameters": parameters}
    answer = requests.post(pair.explain_url, json=body, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json(), calls(pair) - before


@pytest.mark.parametrize("name", CASES)
def test_the_predicted_class_is_explained_by_one_call_and_a_given_one_with_the_same_bits(pair: Pair, name: str) -> None:
    of_predicted, once = explained(pair, CASES[name])
    targets = of_predicted["parameters"]["target"]
    assert len(set(targets)) == 3
    of_given, again = explained(pair, {**CASES[name], "target": targets})
    assert of_predicted == of_given
    assert (once, again) == (1, 1 if CASES[name]["method"] == "integrated_gradients" else 2)


@pytest.mark.parametrize("method", FORESEEN)
def test_of_the_rows_that_are_scored_a_pass_asks_nothing_forward(pair: Pair, method: str) -> None:
    count, parameters, expected = FORESEEN[method]
    answer, asked = explained(pair, {"method": method, **parameters}, count)
    assert asked == expected(REMOTE[pair.name])
    if "target" in answer["parameters"]:
        of_given, again = explained(
            pair, {"method": method, **parameters, "target": answer["parameters"]["target"]}, count
        )
        assert (of_given, again) == (answer, asked)


@pytest.mark.parametrize(
    "parameters",
    [{"internal_batch_size": 40}, {"output": "probability"}, {"top_k": 1}, {"smooth": {"nt_samples": 2}}],
    ids=str,
)
def test_what_is_not_known_before_is_asked_for_when_it_is(pair: Pair, parameters: dict[str, Any]) -> None:
    _, count = explained(pair, {"method": "integrated_gradients", "n_steps": 20, **parameters})
    assert count > 1
