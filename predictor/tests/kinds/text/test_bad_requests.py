"""What a text model refuses: always with a sentence, and never with a 500."""

import numpy as np
import pytest
from captum_predictor.kinds.text.tokenizer import MOST_CHARACTERS

MOST = 48


def ids(*shape, value=7, dtype=np.int64):
    return np.full(shape, value, dtype)


def floats(*shape, value=0.5):
    return np.full(shape, value, np.float32)


INFERENCES = {
    "an id beyond the vocabulary": (
        {"input_ids": ids(1, 3, value=10_000)},
        "input_ids: values are 10000 to 10000; expected 0 to ",
    ),
    "a negative id": ({"input_ids": ids(1, 3, value=-1)}, "input_ids: values are -1 to -1; expected 0 to "),
    "an id beyond INT64": (
        {"input_ids": ids(1, 3, value=2**63, dtype=np.uint64)},
        "input_ids: values are 9223372036854775808 to",
    ),
    "ids that are not whole": (
        {"input_ids": floats(1, 3)},
        "input_ids: holds no whole numbers; expected the datatype INT64",
    ),
    "ids as strings": ({"input_ids": ["7"]}, "input_ids: shape is [1]; expected [n, tokens]"),
    "embeddings as strings": ({"embeddings": ["a"]}, "embeddings: shape is [1]; expected [n, tokens, 32]"),
    "ids without rows": ({"input_ids": ids(0, 3)}, "input_ids: has 0 rows; expected at least 1"),
    "ids without tokens": ({"input_ids": ids(2, 0)}, "input_ids: has 0 tokens; expected 1 to 48, the most that"),
    "too many tokens": ({"input_ids": ids(1, 49)}, "input_ids: has 49 tokens; expected 1 to 48"),
    "too many embeddings": ({"embeddings": floats(1, 49, 32)}, "embeddings: has 49 tokens; expected 1 to 48"),
    "ids of three dimensions": ({"input_ids": ids(1, 3, 2)}, "input_ids: shape is [1, 3, 2]; expected [n, tokens]"),
    "embeddings of another width": (
        {"embeddings": floats(1, 3, 31)},
        "embeddings: shape is [1, 3, 31]; expected [n, tokens, 32]",
    ),
    "NaN": ({"embeddings": floats(1, 3, 32, value=np.nan)}, "embeddings: holds NaN"),
    "an overflow": ({"embeddings": floats(1, 3, 32, value=3e38)}, "logits overflows to infinity or NaN"),
    "no source": (
        {"attention_mask": ids(1, 3, value=1)},
        "inputs are 'attention_mask'; expected 'input_ids', the model's",
    ),
    "two sources": (
        {"input_ids": ids(1, 3), "embeddings": floats(1, 3, 32)},
        "inputs are 'input_ids', 'embeddings'; expected",
    ),
    "another tensor": (
        {"input_ids": ids(1, 3), "labels": ids(1, 3)},
        "inputs are 'input_ids', 'labels'; expected 'input_ids'",
    ),
    "a mask of another shape": (
        {"input_ids": ids(1, 3), "attention_mask": ids(1, 4, value=1)},
        "attention_mask: shape is [1, 4]; expected [1, 3]",
    ),
    "a mask for each head": (
        {"input_ids": ids(1, 3), "attention_mask": ids(1, 1, 3, 3, value=1)},
        "attention_mask: shape is [1, 1, 3, 3]; expected [1, 3]",
    ),
    "a mask of other numbers": (
        {"input_ids": ids(1, 3), "attention_mask": ids(1, 3, value=2)},
        "attention_mask: values are 2 to 2; expected 0 to 1",
    ),
    "a mask of fractions": (
        {"input_ids": ids(1, 3), "attention_mask": floats(1, 3)},
        "attention_mask: holds no whole numbers",
    ),
    "a mask without a token": (
        {"input_ids": ids(2, 2), "attention_mask": np.array([[1, 1], [0, 0]])},
        "attention_mask: is 0 for all of row 1; expected a token in every row",
    ),
    "an unknown type": (
        {"input_ids": ids(1, 3), "token_type_ids": ids(1, 3, value=2)},
        "token_type_ids: values are 2 to 2; expected 0 to 1",
    ),
    "a position too far": (
        {"input_ids": ids(1, 3), "position_ids": ids(1, 3, value=48)},
        "position_ids: values are 48 to 48; expected 0 to 47",
    ),
    "a gradient by ids": (
        {"input_ids": ids(1, 3), "cotangent": floats(1, 3)},
        "'logits' has no gradient by 'input_ids'; expected no cotangent",
    ),
    "a cotangent of another shape": (
        {"embeddings": floats(1, 3, 32), "cotangent": floats(1, 3, 3)},
        "cotangent: shape is [1, 3, 3]; expected [1, 3], that of 'logits' for these rows",
    ),
    "text that is numbers": ({"text": ids(1)}, "text: holds numbers; expected the datatype BYTES"),
    "text as a scalar": ({"text": np.array("a", object)}, "text: has 0 rows; expected at least 1"),
    "text of two dimensions": (
        {"text": np.array([["a"]], object)},
        "text: shape is [1, 1]; expected [1], a string a row",
    ),
    "no texts": ({"text": []}, "text: has 0 rows; expected at least 1"),
    "text beside ids": (
        {"text": ["a"], "input_ids": ids(1, 3)},
        "inputs are 'text', 'input_ids'; expected 'text', 'text_pair' alone",
    ),
    "text with a cotangent": (
        {"text": ["a"], "cotangent": floats(1, 3)},
        "inputs are 'text', 'cotangent'; expected 'text', 'text_pair' alone",
    ),
    "a pair alone": ({"text_pair": ["a"]}, "inputs are text_pair; expected 'text'"),
    "fewer pairs than texts": (
        {"text": ["a", "b"], "text_pair": ["a"]},
        "text_pair: shape is [1]; expected [2], a string a row",
    ),
}


@pytest.mark.parametrize("name", INFERENCES)
@pytest.mark.parametrize("binary", [True, False])
def test_a_bad_inference_gets_a_sentence(bert, name, binary):
    tensors, sentence = INFERENCES[name]
    if not binary and name in ("NaN", "text as a scalar"):
        pytest.skip("JSON has no such thing")
    status, error = bert.infer(binary=binary, **tensors)
    assert status == 400, error
    assert error.startswith(sentence)


@pytest.mark.parametrize(
    ("sink", "tensors", "sentence"),
    [
        ("logits", {"text": ["a"]}, "sink is 'logits'; expected 'tokens', the only one of texts"),
        (
            "tokens",
            {"input_ids": ids(1, 3)},
            "sink is 'tokens'; expected a stage after 'input_ids': embeddings, embedding",
        ),
        ("embeddings", {"embeddings": floats(1, 3, 32)}, "sink is 'embeddings'; expected a stage after 'embeddings'"),
        ("layer_0", {"layer_1": floats(1, 3, 32)}, "sink is 'layer_0'; expected a stage after 'layer_1': logits"),
    ],
)
def test_a_sink_that_cannot_be_reached_gets_a_sentence(bert, sink, tensors, sentence):
    status, error = bert.infer({"sink": sink}, **tensors)
    assert status == 400
    assert error.startswith(sentence)


def test_types_are_refused_by_a_network_without_them(serve):
    status, error = serve("distilbert", "sequence").infer(input_ids=ids(1, 3), token_type_ids=ids(1, 3, value=0))
    assert status == 400
    assert "at most 'attention_mask', 'position_ids' and a 'cotangent' and a path's path_start" in error


def test_a_datatype_that_is_not_known_gets_a_sentence(bert):
    body = b'{"inputs": [{"name": "text", "datatype": "STRING", "shape": [1], "data": ["a"]}]}'
    response = bert.request("POST", "/v2/models/tiny/infer", body)
    assert response.status_code == 400
    assert response.json()["error"].startswith("text: datatype is 'STRING'; expected one of BOOL")
    assert response.json()["error"].endswith("FP64, BYTES")


INSTANCES = {
    "a number": (7, "instances[0]: is a number; expected a string, or an object with 'text'"),
    "a list of ids": ([1, 2], "instances[0]: is a list; expected a string, or"),
    "null": (None, "instances[0]: is null; expected a string"),
    "no text": ({}, "instances[0]: 'text' is missing; expected a string, or an object with 'text'"),
    "text that is no string": ({"text": 1}, "instances[0]: 'text' is a number; expected a string"),
    "an unknown key": ({"text": "a", "target": 1}, "instances[0]: key 'target' is not known; expected text, text_pair"),
    "a question": ({"question": "a", "context": "b"}, "instances[0]: key 'context' is not known"),
}
QUESTIONS = {
    "a string": ("a", "instances[0]: is a string; expected an object with 'question' and 'context'"),
    "no context": ({"question": "a"}, "instances[0]: 'context' is missing; expected an object with"),
    "an empty context": (
        {"question": "a", "context": ""},
        "instances[0]: context has no tokens; expected one at least",
    ),
    "a question that leaves no room": (
        {"question": "dog " * 100, "context": "fox"},
        "instances[0]: has 100 tokens; expected fewer than 45: the other text needs room too",
    ),
}


@pytest.mark.parametrize("name", INSTANCES)
def test_a_bad_instance_gets_a_sentence(bert, name):
    instance, sentence = INSTANCES[name]
    status, answer = bert.predict(instance)
    assert status == 400
    assert answer["error"].startswith(sentence)


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_bad_question_gets_a_sentence(serve, name):
    instance, sentence = QUESTIONS[name]
    status, answer = serve("bert", "answer").predict(instance)
    assert status == 400
    assert answer["error"].startswith(sentence)


def test_a_pair_is_refused_where_tokens_are_labelled(serve):
    served = serve("bert", "tokens")
    assert served.predict({"text": "a", "text_pair": "b"})[0] == 400
    status, error = served.infer(text=["a"], text_pair=["b"])
    assert (status, error.split(";")[0]) == (400, "inputs are text, text_pair")


def test_a_question_without_a_context_is_refused(serve):
    status, error = serve("bert", "answer").infer(text=["a"])
    assert (status, error) == (400, "inputs are text; expected 'text' (the question) and 'text_pair' (its context)")


@pytest.mark.parametrize("instances", [None, [], "a", {"text": "a"}])
def test_no_list_of_instances_gets_a_sentence(bert, instances):
    status, answer = bert.predict_body({"instances": instances})
    assert status == 400
    assert answer["error"].startswith("'instances' is missing or empty")


def test_half_a_character_is_no_json(bert):
    response = bert.request("POST", "/v1/models/tiny:predict", b'{"instances": ["\\ud800"]}')
    assert response.status_code == 400


def test_a_text_beyond_the_limit_is_too_large(bert):
    status, answer = bert.predict("a", "a " * (MOST_CHARACTERS // 2 + 1))
    assert status == 413
    assert answer["error"].startswith("instances[1]: has 1000002 characters; expected at most 1000000")


def test_more_texts_than_the_limit_are_too_large(bert):
    assert bert.predict(*["a"] * 101)[0] == 413
    assert bert.infer(text=["a"] * 101)[0] == 413


def test_a_larger_answer_than_the_limit_is_too_large(serve):
    small = serve("bert", "sequence", answer_bytes=20_000)
    assert small.infer({"sink": "embeddings"}, input_ids=ids(3, 48))[0] == 200
    assert small.infer({"sink": "embeddings"}, input_ids=ids(4, 48))[0] == 413
    assert small.infer(text=["dog " * 40] * 3)[0] == 200
    assert small.infer(text=["dog " * 40] * 9)[0] == 413


STRINGS, RULE = ["a", "b"], np.ones(2, np.float32)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"path_nodes": STRINGS}, "path_nodes: the datatype is BYTES; expected numbers"),
        ({"path_start": STRINGS}, "path_start: shape is [2]; expected [paths, 3, 32] with 1 to 1 paths"),
        ({"path_start": floats(1)}, "path_start: shape is [1]; expected [paths, 3, 32] with 1 to 1 paths"),
        ({"cotangent": np.array([["a", "b", "c"]], object)}, "cotangent: the datatype is BYTES; expected numbers"),
    ],
    ids=["strings as nodes", "strings as a start", "a start without tokens", "strings as a cotangent"],
)
def test_what_makes_no_path_or_cotangent_gets_a_sentence(bert, changed, sentence):
    path = {"path_start": floats(1, 3, 32), "path_nodes": RULE, "path_weights": RULE, "cotangent": floats(1, 3)}
    status, error = bert.infer(embeddings=floats(1, 3, 32), **{**path, **changed})
    assert status == 400, error
    assert error.startswith(sentence)
