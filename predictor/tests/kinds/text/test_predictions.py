"""V1: labels with probabilities, and answers, against transformers' own pipelines' rule in NumPy and torch."""

import numpy as np
import pytest
import torch
from transformers import (
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
)

FAMILIES = ("bert", "distilbert", "roberta")
STRANGE = ["", "🤗🏽", "مرحبا", "dog " * 10_000, "a\x00b", "<b>dog</b>", "\ud7ff\U0010ffff"]


def loaded(auto, directory):
    network = auto.from_pretrained(directory, local_files_only=True).eval()
    return network, AutoTokenizer.from_pretrained(directory, local_files_only=True)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_sequences_label_is_the_networks(serve, tiny_directory, family):
    network, tokenizer = loaded(AutoModelForSequenceClassification, tiny_directory(family, "sequence"))
    texts = ["a lazy dog", "the quick brown fox jumps over a terrible book"]
    status, answer = serve(family, "sequence").predict(texts[0], {"text": texts[1]})
    assert status == 200
    for text, prediction in zip(texts, answer["predictions"], strict=True):
        ids = torch.tensor([tokenizer(text)["input_ids"]])
        expected = network(input_ids=ids).logits[0].softmax(0).tolist()
        assert list(prediction["probabilities"]) == ["negative", "neutral", "positive"]
        assert list(prediction["probabilities"].values()) == pytest.approx(expected, abs=1e-5)
        assert prediction["label"] == network.config.id2label[int(np.argmax(expected))]
        assert prediction["probability"] == max(prediction["probabilities"].values())
        assert prediction["truncated_tokens"] == 0


@pytest.mark.parametrize("family", FAMILIES)
def test_every_tokens_label_is_the_networks(serve, tiny_directory, family):
    network, tokenizer = loaded(AutoModelForTokenClassification, tiny_directory(family, "tokens"))
    text = "Ada Lovelace wrote unbelievable notes"
    _, answer = serve(family, "tokens").predict(text, text + " in London and over the lazy dog")
    (prediction, _) = answer["predictions"]
    encoding = tokenizer(text, return_offsets_mapping=True)
    expected = network(input_ids=torch.tensor([encoding["input_ids"]])).logits[0].softmax(1).detach().numpy()[1:-1]
    assert [entry["token"] for entry in prediction["tokens"]] == encoding.tokens()[1:-1]
    assert [entry["word"] for entry in prediction["tokens"]] == encoding.word_ids()[1:-1]
    spans = [(entry["start"], entry["end"]) for entry in prediction["tokens"]]
    assert spans == encoding["offset_mapping"][1:-1]
    assert [entry["label"] for entry in prediction["tokens"]] == [
        network.config.id2label[i] for i in expected.argmax(1)
    ]
    np.testing.assert_allclose([entry["probability"] for entry in prediction["tokens"]], expected.max(1), atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_answer_is_the_most_probable_span_of_the_context(serve, tiny_directory, family):
    network, tokenizer = loaded(AutoModelForQuestionAnswering, tiny_directory(family, "answer"))
    question, context = "who wrote the notes?", "Ada Lovelace wrote notes on the analytical engine"
    instance = {"question": question, "context": context}
    longer = {"question": "who?", "context": context + " in London, and a fox jumps"}
    _, answer = serve(family, "answer").predict(instance, longer)
    prediction = answer["predictions"][0]
    encoding = tokenizer(question, context, return_offsets_mapping=True)
    served = serve(family, "answer").network_inputs(question, text_pair=[context])
    with torch.no_grad():
        output = network(**{name: torch.from_numpy(np.array(array)) for name, array in served.items()})
    inside = [i for i, text in enumerate(encoding.sequence_ids()) if text == 1]
    starts, ends = (logits[0, inside].softmax(0).tolist() for logits in (output.start_logits, output.end_logits))
    spans = {(i, j): starts[i] * ends[j] for i in range(len(inside)) for j in range(i, min(i + 30, len(inside)))}
    begin, end = max(spans, key=spans.get)
    assert (prediction["start_token"], prediction["end_token"]) == (inside[begin], inside[end])
    assert prediction["score"] == pytest.approx(spans[begin, end], abs=1e-5)
    start, stop = encoding["offset_mapping"][inside[begin]][0], encoding["offset_mapping"][inside[end]][1]
    assert (prediction["start"], prediction["end"]) == (start, stop)
    assert prediction["answer"] == context[start:stop]


@pytest.mark.parametrize("family", FAMILIES)
def test_texts_of_different_length_are_answered_as_one_by_one(serve, family):
    served = serve(family, "sequence")
    together = served.predict(*STRANGE)[1]["predictions"]
    for text, prediction in zip(STRANGE, together, strict=True):
        (alone,) = served.predict(text)[1]["predictions"]
        assert alone["probabilities"] == pytest.approx(prediction["probabilities"], abs=1e-5)
        assert (alone["label"], alone["truncated_tokens"]) == (prediction["label"], prediction["truncated_tokens"])


def test_what_was_cut_off_is_said(bert):
    (prediction,) = bert.predict("dog " * 10_000)[1]["predictions"]
    assert prediction["truncated_tokens"] == 10_000 - 46


def test_a_pair_may_be_classified(bert):
    (one, two) = bert.predict({"text": "the dog", "text_pair": "a fox"}, {"text": "the dog"})[1]["predictions"]
    assert one["probabilities"] != two["probabilities"]


def test_the_same_request_gives_the_same_bytes(bert):
    assert bert.predict(*STRANGE) == bert.predict(*STRANGE)
