"""Texts as tokens: against the tokenizer as transformers itself uses it."""

import numpy as np
import pytest
from transformers import AutoTokenizer

FAMILIES = ("bert", "distilbert", "roberta")
TEXTS = {
    "plain": "the quick brown fox",
    "empty": "",
    "blank": "  \n\t ",
    "emoji": "a lazy 🤗🏽 dog 👩\u200d🚀!",
    "right to left": "مرحبا بالعالم, the dog",
    "combining": "cafe\u0301 naïve",
    "NUL": "a\x00b dog",
    "HTML": "<b>the</b> &amp; <script>alert(1)</script>",
    "names of special tokens": "[SEP] </s> [CLS] <s>",
    "long": "dog " * 10_000,
}
MOST = 48


@pytest.fixture
def tokenizer(tiny_directory, family):
    return AutoTokenizer.from_pretrained(tiny_directory(family, "sequence"), local_files_only=True)


def column(tensors, name):
    return tensors[name][0].tolist()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", TEXTS)
def test_a_text_is_tokenized_as_by_transformers(serve, tokenizer, family, name):
    expected = tokenizer(TEXTS[name], truncation=True, return_offsets_mapping=True, return_special_tokens_mask=True)
    tensors = serve(family, "sequence").tokens(TEXTS[name])
    assert column(tensors, "input_ids") == expected["input_ids"]
    assert column(tensors, "attention_mask") == expected["attention_mask"]
    assert column(tensors, "special_tokens_mask") == expected["special_tokens_mask"]
    assert column(tensors, "offsets") == [list(pair) for pair in expected["offset_mapping"]]
    assert column(tensors, "word_ids") == [-1 if word is None else word for word in expected.word_ids()]
    assert column(tensors, "sequence_ids") == [-1 if text is None else text for text in expected.sequence_ids()]
    assert column(tensors, "tokens") == expected.tokens()
    whole = len(tokenizer(TEXTS[name])["input_ids"])
    assert tensors["truncated_tokens"].tolist() == [max(0, whole - MOST)]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_batch_is_as_long_as_its_longest_text_and_padded_as_by_transformers(serve, tokenizer, family):
    texts = ["a dog", TEXTS["emoji"], ""]
    expected = tokenizer(texts, padding=True)
    tensors = serve(family, "sequence").tokens(*texts)
    for name in ("input_ids", "attention_mask"):
        np.testing.assert_array_equal(tensors[name], expected[name])
    padding = tensors["attention_mask"] == 0
    assert padding.any()
    for name, value in {"special_tokens_mask": 1, "offsets": 0, "word_ids": -1, "sequence_ids": -1}.items():
        assert (tensors[name][padding] == value).all()
    assert (tensors["tokens"][padding] == "").all()


@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_a_pairs_types_and_sequences_are_transformers(serve, tokenizer, family):
    expected = tokenizer("the dog", "a fox jumps")
    tensors = serve(family, "sequence").tokens("the dog", text_pair=["a fox jumps"])
    assert column(tensors, "input_ids") == expected["input_ids"]
    assert column(tensors, "sequence_ids") == [-1 if text is None else text for text in expected.sequence_ids()]
    if family == "bert":
        assert column(tensors, "token_type_ids") == [0] * 4 + [1] * (len(expected["input_ids"]) - 4)


def test_the_tensors_are_those_that_the_network_takes(serve):
    told = ["special_tokens_mask", "offsets", "word_ids", "sequence_ids", "truncated_tokens"]
    names = ["tokens", "input_ids", "attention_mask"]
    assert list(serve("bert", "sequence").tokens("a")) == [*names, "token_type_ids", "position_ids", *told]
    assert list(serve("distilbert", "sequence").tokens("a")) == [*names, "position_ids", *told]


def test_positions_begin_after_the_padding_id_where_the_network_has_one(serve):
    assert column(serve("bert", "sequence").tokens("a"), "position_ids") == [0, 1, 2]
    assert column(serve("roberta", "sequence").tokens("a"), "position_ids") == [2, 3, 4]


def test_offsets_are_characters_of_the_text_as_it_was_sent(roberta):
    text = TEXTS["emoji"]
    tensors = roberta.tokens(text)
    spans = {text[start:end] for start, end in tensors["offsets"][0]}
    assert {"🤗", "👩", "🚀", " lazy"} & spans >= {"🤗", "👩", "🚀"}


def test_outputs_may_be_chosen_and_go_as_json(bert):
    body = b'{"inputs": [{"name": "text", "datatype": "BYTES", "shape": [1], "data": ["a dog"]}], "id": "7", '
    body += b'"outputs": [{"name": "word_ids"}, {"name": "tokens"}]}'
    document = bert.request("POST", "/v2/models/tiny/infer", body).json()
    assert document["id"] == "7"
    assert [(out["name"], out["datatype"], out["data"]) for out in document["outputs"]] == [
        ("word_ids", "INT64", [-1, 0, 1, -1]),
        ("tokens", "BYTES", ["[CLS]", "a", "dog", "[SEP]"]),
    ]


@pytest.mark.parametrize("task", ["sequence", "answer"])
def test_a_pair_too_long_is_cut(serve, task):
    served = serve("bert", task)
    tensors = served.tokens("the dog", text_pair=["fox " * 100])
    assert tensors["input_ids"].shape == (1, MOST)
    assert tensors["truncated_tokens"].tolist() == [100 - (MOST - 3 - 2)]
    assert column(tensors, "sequence_ids").count(0) == 2
    assert column(tensors, "tokens")[-1] == "[SEP]"


def test_of_a_pair_whose_texts_are_both_too_long_each_keeps_half(bert):
    tensors = bert.tokens("dog " * 100, text_pair=["fox " * 100])
    kept = column(tensors, "sequence_ids")
    assert (kept.count(0), kept.count(1)) == (22, 23)
    assert tensors["truncated_tokens"].tolist() == [200 - 45]
