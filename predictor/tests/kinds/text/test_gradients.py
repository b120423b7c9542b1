"""Values and vector-Jacobian products of every segment, against transformers' own network and torch's autograd."""

import numpy as np
import pytest
import torch
from transformers import (
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
)

FAMILIES = ("bert", "distilbert", "roberta")
CLASSES = {
    "sequence": AutoModelForSequenceClassification,
    "tokens": AutoModelForTokenClassification,
    "answer": AutoModelForQuestionAnswering,
}
SHORT, LONG = "a lazy dog", "the quick brown fox wrote a book that nobody will forget"
QUESTION = "who wrote the book?"

every = pytest.mark.parametrize(("family", "task"), [(family, task) for family in FAMILIES for task in CLASSES])

sequence = pytest.mark.parametrize(("family", "task"), [(family, "sequence") for family in FAMILIES])


@pytest.fixture
def network(tiny_directory, family, task):
    """The network as a user loads it in process."""
    loaded = CLASSES[task].from_pretrained(tiny_directory(family, task), local_files_only=True)
    return loaded.eval().requires_grad_(False)


@pytest.fixture
def inputs(serve, family, task):
    """Two texts of different length, the first padded."""
    pairs = {"text_pair": [SHORT, LONG]} if task == "answer" else {}
    texts = [QUESTION, QUESTION] if task == "answer" else [SHORT, LONG]
    arrays = serve(family, task).network_inputs(*texts, **pairs)
    assert (arrays["attention_mask"] == 0).any()
    return arrays


def logits_of(output, task):
    return torch.stack([output.start_logits, output.end_logits], -1) if task == "answer" else output.logits


def tensors(arrays):
    return {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}


def cotangent_like(value, seed=0):
    return np.random.default_rng(seed).standard_normal(value.shape, np.float32)


@every
def test_the_embeddings_gradient_is_that_of_the_network_in_process_bit_for_bit(serve, network, inputs, family, task):
    extra_inputs = {name: array for name, array in inputs.items() if name != "input_ids"}
    words = network.get_input_embeddings()(torch.from_numpy(np.array(inputs["input_ids"])))
    leaf = words.clone().requires_grad_()
    value = logits_of(network(inputs_embeds=leaf, **tensors(extra_inputs)), task)
    cotangent = cotangent_like(value)
    (gradient,) = torch.autograd.grad(value, leaf, torch.from_numpy(cotangent))
    served = serve(family, task)
    _, embedded = served.infer({"sink": "embeddings"}, **inputs)
    np.testing.assert_array_equal(embedded["embeddings"], words.numpy(), strict=True)
    status, answer = served.infer({"explanation": True}, embeddings=words.numpy(), cotangent=cotangent, **extra_inputs)
    assert status == 200, answer
    np.testing.assert_array_equal(answer["logits"], value.detach().numpy(), strict=True)
    np.testing.assert_array_equal(answer["gradient"], gradient.numpy(), strict=True)


@every
def test_ids_give_the_logits_of_the_network_in_process_bit_for_bit(serve, network, inputs, family, task):
    with torch.no_grad():
        expected = logits_of(network(**tensors(inputs)), task).numpy()
    _, answer = serve(family, task).infer(**inputs)
    np.testing.assert_array_equal(answer["logits"], expected, strict=True)


@every
def test_every_stages_value_and_gradient_are_those_of_the_hidden_states(serve, network, inputs, family, task):
    served = serve(family, task)
    extra_inputs = {name: array for name, array in inputs.items() if name != "input_ids"}
    output = network(
        inputs_embeds=network.get_input_embeddings()(torch.from_numpy(np.array(inputs["input_ids"]))).requires_grad_(),
        output_hidden_states=True,
        **tensors(extra_inputs),
    )
    value = logits_of(output, task)
    cotangent = cotangent_like(value)
    names = ["embedding_sum", "layer_0", "layer_1"]
    gradients = torch.autograd.grad(value, output.hidden_states, torch.from_numpy(cotangent), retain_graph=True)
    states = [state.detach().numpy() for state in output.hidden_states]
    for index, name in enumerate(names):
        _, below = served.infer({"sink": name}, **inputs)
        np.testing.assert_array_equal(below[name], states[index], name, strict=True)
        source = {name: states[index]}
        _, above = served.infer(cotangent=cotangent, **source, **extra_inputs)
        np.testing.assert_array_equal(above["logits"], value.detach().numpy(), name, strict=True)
        np.testing.assert_array_equal(above["gradient"], gradients[index].numpy(), name, strict=True)
    seed = cotangent_like(output.hidden_states[2], 1)
    (between,) = torch.autograd.grad(output.hidden_states[2], output.hidden_states[1], torch.from_numpy(seed))
    _, answer = served.infer({"sink": "layer_1"}, layer_0=states[1], cotangent=seed, **extra_inputs)
    np.testing.assert_array_equal(answer["gradient"], between.numpy(), strict=True)


@every
def test_padding_never_leaks(serve, inputs, family, task):
    served = serve(family, task)
    extra_inputs = {name: array for name, array in inputs.items() if name != "input_ids"}
    embeddings = served.infer({"sink": "embeddings"}, **inputs)[1]["embeddings"]
    cotangent = cotangent_like(served.infer(**inputs)[1]["logits"])
    if task != "sequence":
        cotangent = cotangent * inputs["attention_mask"][..., None].astype(np.float32)
    _, batch = served.infer(embeddings=embeddings, cotangent=cotangent, **extra_inputs)
    scale = np.abs(batch["gradient"]).max()
    for row, mask in enumerate(inputs["attention_mask"]):
        length = int(mask.sum())
        alone = {name: array[row : row + 1, :length] for name, array in extra_inputs.items()}
        seed = cotangent[row : row + 1] if task == "sequence" else cotangent[row : row + 1, :length]
        _, one = served.infer(embeddings=embeddings[row : row + 1, :length], cotangent=seed, **alone)
        logits = batch["logits"][row] if task == "sequence" else batch["logits"][row, :length]
        np.testing.assert_allclose(one["logits"][0], logits, atol=1e-5 * np.abs(batch["logits"]).max())
        np.testing.assert_allclose(one["gradient"][0], batch["gradient"][row, :length], atol=1e-5 * scale)
        assert not batch["gradient"][row, length:].any()


@sequence
def test_what_stands_in_the_padding_changes_nothing(serve, inputs, family, task):
    served = serve(family, task)
    changed = dict(inputs)
    changed["input_ids"] = np.where(inputs["attention_mask"] == 0, 7, inputs["input_ids"])
    np.testing.assert_array_equal(served.infer(**changed)[1]["logits"], served.infer(**inputs)[1]["logits"])


# By itself a RoBERTa counts positions by the padding's id: with a baseline of padding it would be another network.
@pytest.mark.parametrize(("family", "task"), [("roberta", "sequence")])
def test_positions_are_counted_whatever_the_ids_are(serve, inputs, network, family, task):
    served = serve(family, task)
    padding = served.kind.model.tokenizer.padding
    baseline = {**inputs, "input_ids": np.where(inputs["input_ids"] > 4, padding, inputs["input_ids"])}
    derived = {name: array for name, array in baseline.items() if name != "position_ids"}
    with torch.no_grad():
        held, moved = (network(**tensors(arrays)).logits.numpy() for arrays in (baseline, derived))
    assert np.abs(held - moved).max() > 0.01
    np.testing.assert_array_equal(served.infer(**baseline)[1]["logits"], held)
    np.testing.assert_array_equal(served.infer(**derived)[1]["logits"], held)


@sequence
def test_a_long_call_in_chunks_is_the_call_in_one_piece(serve, network, inputs, family, task):
    served = serve(family, task)
    rows = 90  # of 17 tokens or so: two chunks
    width = inputs["input_ids"].shape[1]
    assert rows * width > 1024
    many = {name: np.repeat(array[1:], rows, axis=0) for name, array in inputs.items() if name != "input_ids"}
    embeddings = np.random.default_rng(0).standard_normal((rows, width, 32), np.float32)
    cotangent = cotangent_like(np.empty((rows, 3)))
    leaf = torch.from_numpy(embeddings).requires_grad_()
    value = network(inputs_embeds=leaf, **tensors(many)).logits
    (gradient,) = torch.autograd.grad(value, leaf, torch.from_numpy(cotangent))
    _, answer = served.infer(embeddings=embeddings, cotangent=cotangent, **many)
    np.testing.assert_allclose(answer["logits"], value.detach().numpy(), rtol=0, atol=2e-6)
    np.testing.assert_allclose(answer["gradient"], gradient.numpy(), rtol=0, atol=1e-6 * float(gradient.abs().max()))
    again = served.infer(embeddings=embeddings, cotangent=cotangent, **many)[1]
    np.testing.assert_array_equal(again["gradient"], answer["gradient"])


@sequence
def test_the_integral_along_a_path_of_embeddings_keeps_what_stands_beside_them(serve, inputs, family, task):
    served = serve(family, task)
    extra_inputs = {name: array for name, array in inputs.items() if name != "input_ids"}
    _, embedded = served.infer({"sink": "embeddings"}, **inputs)
    ends = embedded["embeddings"]
    _, scored = served.infer(embeddings=ends, **extra_inputs)
    starts, nodes = cotangent_like(ends, 1), np.float32([0.25, 0.5, 1])
    weights, cotangent = np.float32([1, 2, 0.5]), cotangent_like(scored["logits"])
    path = {"path_start": starts, "path_nodes": nodes, "path_weights": weights}
    status, answer = served.infer({"explanation": True}, embeddings=ends, cotangent=cotangent, **path, **extra_inputs)
    assert status == 200, answer
    expected = 0.0
    for node, weight in zip(nodes, weights, strict=True):
        point = starts + node * (ends - starts)
        _, at_point = served.infer({"explanation": True}, embeddings=point, cotangent=cotangent, **extra_inputs)
        expected = expected + weight * at_point["gradient"]
    np.testing.assert_allclose(answer["gradient"], expected, rtol=1e-4, atol=1e-6)
    refused, error = served.infer({"explanation": True, "predicted_rows": 2, "gradient_from": 0}, **inputs, **path)
    assert refused == 400
    assert "no gradient" in error
