import json

import orjson
import pytest
from captum_explainer.predictor_client.description import (
    Access,
    Description,
    Stage,
    TextTask,
)
from captum_explainer.predictor_client.read_description import read_description, takes_binary
from captum_serving.errors import BadGateway

OURS = {
    "name": "tiny",
    "inputs": [{"name": "image", "datatype": "FP32", "shape": [-1, 1, 6, 6]}],
    "outputs": [{"name": "logits", "datatype": "FP32", "shape": [-1, 3]}],
    "stages": [
        {"name": "relu", "kind": "relu", "shape": [1, 6, 6]},
        {"name": "logits", "kind": "linear", "shape": [3], "options": {}},
    ],
    "labels": ["a", "b", "c"],
    "input_range": [0, 255],
    "baseline": 1,
    "model_digest": "ab",
    "extensions": ["vector_jacobian_product"],
}


def read(**changes):
    document = {key: value for key, value in (OURS | changes).items() if value is not None}
    return read_description("tiny", orjson.dumps(document))


def test_ours_is_read_in_full():
    assert read() == Description(
        name="tiny",
        access=Access.STRUCTURE,
        input_name="image",
        input_shape=(1, 6, 6),
        input_range=(0.0, 255.0),
        output_name="logits",
        output_width=3,
        labels=("a", "b", "c"),
        baseline=1.0,
        stages=(Stage(name="relu", kind="relu", shape=(1, 6, 6)), Stage(name="logits", kind="linear", shape=(3,))),
        digest="ab",
    )


def test_the_predictors_limits_are_read_and_must_be_numbers_above_zero():
    described = read(max_rows=7, max_body_bytes=9000)
    assert (described.max_rows, described.max_body_bytes) == (7, 9000)
    for limits in ({"max_rows": 0}, {"max_body_bytes": 0.5}):
        with pytest.raises(BadGateway, match="max_"):
            read(**limits)


def test_labels_and_baseline_may_be_missing():
    described = read(labels=None, baseline=None)
    assert (described.labels, described.baseline) == ((), 0.0)


def test_without_stages_and_range_the_model_is_one_stage_that_gives_gradients():
    described = read(stages=None, input_range=None)
    assert (described.access, described.input_range) == (Access.GRADIENTS, None)
    assert described.stages == (Stage(name="logits", kind="module", shape=(3,)),)


def test_an_output_may_not_be_named_as_no_stage_can():
    with pytest.raises(BadGateway, match=r"outputs\[0\].name: got 'logits.0', expected a name without a dot"):
        read(stages=None, outputs=[{"name": "logits.0", "shape": [-1, 3]}])


def test_a_model_of_one_opaque_stage_gives_gradients_only():
    described = read(stages=[{"name": "logits", "kind": "module", "shape": [3]}])
    assert described.access == Access.GRADIENTS
    assert described.find_shape("logits") == (3,)


def test_an_output_of_several_dimensions_has_its_shape_and_no_width():
    described = read(
        outputs=[{"name": "logits", "shape": [-1, 3, 5]}],
        stages=[{"name": "logits", "kind": "module", "shape": [3, 5]}],
    )
    assert described.output_width is None
    assert described.find_shape("logits") == (3, 5)


def test_a_plain_v2_model_gives_scores_and_its_inputs_name():
    plain = {"name": "tiny", "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}], "outputs": []}
    assert read_description("tiny", json.dumps(plain).encode()) == Description("tiny", input_name="x")


@pytest.mark.parametrize("document", [{}, {"inputs": []}, {"inputs": None, "outputs": None}, {"inputs": [{}]}])
def test_kserves_description_that_says_nothing_gives_scores(document):
    described = read_description("tiny", json.dumps(document).encode())
    assert described == Description("tiny", access=Access.SCORES, input_name="input")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"5", b'"text"', b"null", b'{"inputs": "abc"}'])
def test_what_describes_no_model_is_a_bad_gateway(body):
    with pytest.raises(BadGateway, match="the predictor's description of 'tiny' is not one of the Open Inference"):
        read_description("tiny", body)


@pytest.mark.parametrize("key", ["inputs", "outputs", "stages", "input_range", "model_digest"])
@pytest.mark.parametrize("value", [None, 5, "text", {"a": 1}, [], [5]])
def test_who_has_the_extension_describes_the_model(key, value):
    if (key, value) == ("model_digest", "text"):
        pytest.skip("any text may be a digest")
    if value is None and key in ("stages", "input_range"):
        pytest.skip("it may be left out")
    with pytest.raises(BadGateway):
        read(**{key: value})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"baseline": True}, "baseline: got True, expected a number"),
        ({"inputs": [{"name": "x", "shape": [4]}]}, "expected the first to have two dimensions or more"),
        ({"inputs": [{"name": "x", "shape": [-1, 4.0]}]}, r"inputs\[0\].shape\[1\]: got 4.0, expected a whole number"),
        ({"stages": [OURS["stages"][0]] * 2}, "every name only once, but 'relu' is there twice"),
        ({"input_range": [0]}, r"input_range\[1\] is missing"),
        ({"model_digest": ""}, "model_digest: got '', expected 1 or more characters"),
    ],
)
def test_the_mistake_in_a_description_is_named(changes, sentence):
    with pytest.raises(BadGateway, match=f"the predictor's description of 'tiny' is not .*; .*{sentence}"):
        read(**changes)


def test_labels_are_by_index_and_numbers_where_there_are_none():
    described = read(labels=["a"])
    assert (described.find_label(0), described.find_label(1)) == ("a", "1")


@pytest.mark.parametrize(
    ("body", "binary"),
    [
        (b'{"extensions": ["binary_tensor_data"]}', True),
        (b'{"extensions": ["model_repository"]}', False),
        (b'{"extensions": null}', False),
        (b'{"name": "x"}', False),
        (b"[]", False),
        (b"<html>", False),
    ],
)
def test_a_server_declares_that_it_takes_binary_tensors(body, binary):
    assert takes_binary(body) is binary


TEXT = {
    **{key: value for key, value in OURS.items() if key not in ("input_range", "baseline")},
    "kind": "text",
    "inputs": [
        {"name": "input_ids", "datatype": "INT64", "shape": [-1, -1]},
        {"name": "attention_mask", "datatype": "INT64", "shape": [-1, -1]},
        {"name": "text", "datatype": "BYTES", "shape": [-1]},
    ],
    "outputs": [{"name": "logits", "datatype": "FP32", "shape": [-1, -1, 3]}],
    "stages": [
        {"name": "embeddings", "kind": "embedding", "shape": [-1, 4]},
        {"name": "logits", "kind": "module", "shape": [-1, 3]},
    ],
    "task": "token-classification",
    "probabilities": "softmax",
    "padding_id": 7,
}


def test_a_text_model_is_read_in_full():
    described = read_description("tiny", orjson.dumps(TEXT))
    assert (described.text.task, described.text.probabilities) == (TextTask.TOKENS, "softmax")
    assert (described.text.padding_id, described.extra_inputs) == (7, ("attention_mask",))
    assert (described.input_name, described.input_shape, described.output_width) == ("input_ids", None, None)
    assert described.find_shape("embeddings") == (-1, 4)
    assert read().text is None


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"kind": "audio"}, "kind: got 'audio', expected 'text'"),
        ({"task": "translation"}, "task: got 'translation', expected 'sequence-classification', "),
        ({"task": None}, "task is missing, expected the keys inputs, outputs, model_digest, stages, labels"),
        ({"labels": None}, "labels is missing"),
        ({"probabilities": "max"}, "probabilities: got 'max', expected 'softmax', 'sigmoid' or 'none'"),
        ({"padding_id": "0"}, "padding_id: got '0', expected a whole number"),
        ({"padding_id": -1}, "padding_id: got -1, expected at least 0"),
        ({"stages": OURS["stages"]}, "stages: .*expected a text model's stages, with one called 'embeddings'"),
    ],
)
def test_a_text_model_that_is_not_described_as_one_is_refused(changes, sentence):
    document = {key: value for key, value in (TEXT | changes).items() if value is not None}
    with pytest.raises(BadGateway, match=sentence):
        read_description("tiny", orjson.dumps(document))
