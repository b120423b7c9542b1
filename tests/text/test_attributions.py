"""Attributions of texts, against plain Captum on transformers' own networks in this process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import GradientShap, InputXGradient, LayerIntegratedGradients, Saliency

FAMILIES = ("bert", "distilbert", "roberta")
TASKS = ("sequence", "tokens", "answer")
TEXT = "a wonderful film with a terrible ending"
QUESTION, CONTEXT = "who wrote the book?", "Ada Lovelace wrote notes"
every = pytest.mark.parametrize(("family", "task"), [(family, task) for family in FAMILIES for task in TASKS])
Start = Callable[[str, str], Any]


def instance_of(task: str) -> tuple[Any, tuple[str, ...]]:
    if task == "answer":
        return {"question": QUESTION, "context": CONTEXT}, (QUESTION, CONTEXT)
    return TEXT, (TEXT,)


def captums_targets(task: str, target: Any) -> list[Any]:
    """As Captum selects them: a label, (token, label), or of an answer (start, 0) and (end, 1)."""
    if task == "answer":
        return [(target[0], 0), (target[1], 1)]
    return [tuple(target)] if task == "tokens" else [target]


def by_layer(model: Any, inputs: dict[str, torch.Tensor], baseline: torch.Tensor, layer: Any, **arguments: Any) -> Any:
    beside = {name: tensor for name, tensor in inputs.items() if name != "input_ids"}

    def forward(ids: torch.Tensor, *tensors: torch.Tensor) -> torch.Tensor:
        return model.logits(input_ids=ids, **dict(zip(beside, tensors, strict=True)))

    explainer = LayerIntegratedGradients(forward, layer)
    return explainer.attribute(
        inputs["input_ids"],
        baselines=baseline,
        additional_forward_args=tuple(beside.values()),
        return_convergence_delta=True,
        **arguments,
    )


def torchserves(attributions: torch.Tensor) -> np.ndarray:
    """Importances as TorchServe's handler makes them."""
    summed = attributions.sum(dim=-1).squeeze(0)
    return (summed / torch.norm(summed)).numpy()


def names(task: str, what: str) -> list[str]:
    if task != "answer":
        return [what]
    return [f"{what}_answer_{end}" if what == "importances" else f"{what}_{end}" for end in ("start", "end")]


@every
def test_the_embeddings_integrated_gradients_have_captums_bits(tiny: Start, family: str, task: str) -> None:
    model = tiny(family, task)
    instance, parts = instance_of(task)
    answer = model.explain(instance, n_steps=10)
    inputs, baseline = model.encoded(*parts)
    (explanation,), (target,) = answer["explanations"], answer["parameters"]["target"]
    tokens = model.tokenizer.convert_ids_to_tokens(inputs["input_ids"][0])
    assert explanation["words"] == [token.replace("Ġ", "") for token in tokens]
    for importances, delta, one in zip(
        names(task, "importances"), names(task, "delta"), captums_targets(task, target), strict=True
    ):
        layer = model.network.get_input_embeddings()
        expected, expected_delta = by_layer(model, inputs, baseline, layer, target=one, n_steps=10)
        np.testing.assert_array_equal(np.float32(explanation[importances]), torchserves(expected), strict=True)
        assert explanation[delta] == pytest.approx(float(expected_delta), abs=1e-5)
        assert np.linalg.norm(explanation[importances]) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_another_layers_integrated_gradients_are_those_of_that_layer(tiny: Start, family: str) -> None:
    model = tiny(family, "sequence")
    inputs, baseline = model.encoded(TEXT)
    layer = model.network.base_model.embeddings  # as TorchServe's handler takes it
    expected, _ = by_layer(model, inputs, baseline, layer, target=1, n_steps=10)
    answer = model.explain(TEXT, n_steps=10, target=1, layer="embedding_sum")
    np.testing.assert_array_equal(np.float32(answer["explanations"][0]["importances"]), torchserves(expected))


METHODS: dict[str, tuple[Any, dict[str, Any], dict[str, Any]]] = {
    "saliency": (Saliency, {}, {}),
    "input_x_gradient": (InputXGradient, {}, {}),
    "gradient_shap": (GradientShap, {"n_samples": 8, "stdevs": 0.1}, {"n_samples": 8, "stdevs": 0.1}),
}


@every
@pytest.mark.parametrize("method", METHODS)
def test_the_other_gradient_methods_have_captums_bits(tiny: Start, family: str, task: str, method: str) -> None:
    model = tiny(family, task)
    instance, parts = instance_of(task)
    kind, parameters, arguments = METHODS[method]
    answer = model.explain(instance, method=method, normalization="none", **parameters)
    inputs, baseline = model.encoded(*parts)
    words = model.network.get_input_embeddings()
    beside = {name: tensor for name, tensor in inputs.items() if name != "input_ids"}

    def forward(rows: torch.Tensor) -> torch.Tensor:
        return model.logits(
            inputs_embeds=rows, **{name: tensor.repeat(len(rows), 1) for name, tensor in beside.items()}
        )

    more = {"baselines": words(baseline)} if method == "gradient_shap" else {}
    (explanation,), (target,) = answer["explanations"], answer["parameters"]["target"]
    for importances, one in zip(names(task, "importances"), captums_targets(task, target), strict=True):
        torch.manual_seed(0)
        np.random.seed(0)
        expected = kind(forward).attribute(words(inputs["input_ids"]), target=one, **arguments, **more)
        expected = expected.sum(dim=-1).squeeze(0).detach().float().numpy()
        np.testing.assert_array_equal(np.float32(explanation[importances]), expected, strict=True)


@every
def test_attributions_add_up_to_the_difference_of_the_scores(tiny: Start, family: str, task: str) -> None:
    model = tiny(family, task)
    instance, parts = instance_of(task)
    answer = model.explain(instance, n_steps=50, normalization="none")
    (explanation,), (details,) = answer["explanations"], answer["details"]
    inputs, baseline = model.encoded(*parts)
    targets = captums_targets(task, answer["parameters"]["target"][0])
    scores, deltas = np.atleast_1d(details["score"]), np.atleast_1d(details["convergence_delta"])
    for i, (importances, one) in enumerate(zip(names(task, "importances"), targets, strict=True)):
        at = (0, *one) if isinstance(one, tuple) else (0, one)
        score = model.logits(**inputs)[at].item()
        difference = score - model.logits(**{**inputs, "input_ids": baseline})[at].item()
        assert scores[i] == pytest.approx(score, abs=1e-5)
        assert sum(explanation[importances]) - difference == pytest.approx(deltas[i], abs=1e-4)
        assert abs(sum(explanation[importances]) - difference) < 1e-2


@every
def test_a_text_has_the_same_bits_alone_and_among_longer_ones(tiny: Start, family: str, task: str) -> None:
    model = tiny(family, task)
    texts = ["dog", TEXT, "the quick brown fox jumps over the lazy dog, and the dog and the fox forget"]
    instances = [{"question": QUESTION, "context": text} for text in texts] if task == "answer" else texts
    together = model.explain(*instances, n_steps=5)
    alone = [model.explain(instance, n_steps=5) for instance in instances]
    assert together["explanations"] == [one["explanations"][0] for one in alone]
    assert together["details"] == [one["details"][0] for one in alone]


def test_the_answers_parameters_give_the_same_explanation_again(tiny: Start) -> None:
    for task in TASKS:
        instance, _ = instance_of(task)
        first = tiny("bert", task).explain(instance, instance, n_steps=5, output="probability")
        assert tiny("bert", task).explain(instance, instance, **first["parameters"]) == first


def test_an_explanation_of_a_probability_is_captums_of_a_softmax(tiny: Start) -> None:
    model = tiny("bert", "answer")
    inputs, baseline = model.encoded(QUESTION, CONTEXT)
    answer = model.explain({"question": QUESTION, "context": CONTEXT}, n_steps=10, output="probability")
    start, end = answer["parameters"]["target"][0]
    begin = model.tokenizer(QUESTION, CONTEXT).sequence_ids(0).index(1)
    stop = len(inputs["input_ids"][0]) - 1
    plain = model.logits

    def of_context(**given: torch.Tensor) -> torch.Tensor:
        return torch.softmax(plain(**given)[:, begin:stop], dim=1)

    model.logits = of_context
    try:
        expected, _ = by_layer(
            model, inputs, baseline, model.network.get_input_embeddings(), target=(end - begin, 1), n_steps=10
        )
    finally:
        model.logits = plain
    got = np.float32(answer["explanations"][0]["importances_answer_end"])
    np.testing.assert_allclose(got, torchserves(expected), atol=1e-5)
    predicted = of_context(**inputs)[0]
    products = torch.outer(predicted[:, 0], predicted[:, 1]).triu()
    assert divmod(int(products.argmax()), len(predicted)) == (start - begin, end - begin)
    details = answer["details"][0]
    assert details["probability"] == pytest.approx(float(products.max()), abs=1e-6)
    (first, last) = details["offsets"][start][0], details["offsets"][end][1]
    assert details["prediction_label"] == details["target_label"] == CONTEXT[first:last]


def test_passes_are_split_by_size_and_change_little(tiny: Start) -> None:
    model = tiny("bert", "sequence")
    body = b'{"instances": ["the quick brown fox"], "parameters": {"n_steps": 20, "target": 0}}'
    asked = model.connection.asked
    whole = model.answer(body)
    calls = model.connection.asked - asked
    row = 4 * 32 * len(whole["explanations"][0]["words"])
    divided = model.answer(body, max_call_bytes=5 * row)
    assert divided["parameters"]["internal_batch_size"] == 5
    assert model.connection.asked - asked - calls > calls
    np.testing.assert_allclose(
        divided["explanations"][0]["importances"], whole["explanations"][0]["importances"], atol=1e-5
    )
