"""What else an answer for texts has: words, targets, odd texts, TorchServe's way in, and refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import orjson
import pytest
from captum_explainer.formats import alibi, torchserve, v2
from captum_explainer.formats.request import Incoming
from captum_explainer.kinds.kind import write_catalogue
from captum_explainer.settings import Limits, PredictorAddress, Settings
from captum_serving.errors import BadInput, TooLarge

FAMILIES = ("bert", "distilbert", "roberta")
TEXT = "Ada Lovelace wrote unbelievable notes!"
QUESTION, CONTEXT = "who wrote the book?", "Ada Lovelace wrote notes in London"
Start = Callable[[str, str], Any]


@pytest.mark.parametrize("family", FAMILIES)
def test_sub_words_are_merged_to_the_texts_words(tiny: Start, family: str) -> None:
    model = tiny(family, "sequence")
    plain = model.explain(TEXT, n_steps=5, normalization="none")
    merged = model.explain(TEXT, n_steps=5, normalization="none", merge_subwords=True, skip_special_tokens=True)
    (explanation,), (details,) = merged["explanations"], merged["details"]
    assert explanation["words"] == ["Ada", "Lovelace", "wrote", "unbelievable", "notes", "!"]
    assert [TEXT[start:end] for start, end in details["offsets"]] == explanation["words"]
    assert details["sequences"] == [0] * 6
    (tokens,), (told,) = plain["explanations"], plain["details"]
    for importance, (start, end) in zip(explanation["importances"], details["offsets"], strict=True):
        of_word = [
            one
            for one, place in zip(tokens["importances"], told["offsets"], strict=True)
            if place is not None and start <= place[0] and place[1] <= end
        ]
        assert importance == pytest.approx(sum(of_word), abs=1e-5)
    normalized = model.explain(TEXT, n_steps=5, merge_subwords=True)["explanations"][0]["importances"]
    assert np.linalg.norm(normalized) == pytest.approx(1, abs=1e-5)


def test_special_tokens_are_left_out_where_asked(tiny: Start) -> None:
    model = tiny("bert", "answer")
    instance = {"question": QUESTION, "context": CONTEXT}
    whole, without = (model.explain(instance, n_steps=5, skip_special_tokens=skip) for skip in (False, True))
    assert [w for w in whole["explanations"][0]["words"] if w not in ("[CLS]", "[SEP]")] == (
        without["explanations"][0]["words"]
    )
    assert whole["details"][0]["offsets"].count(None) == 3
    assert None not in without["details"][0]["offsets"]
    assert set(without["details"][0]["sequences"]) == {0, 1}
    assert whole["details"][0]["target"] == without["details"][0]["target"]


ODD = {
    "emoji": "a dog 🐕 👩‍👩‍👧 and a fox 🦊🦊",
    "right to left": "الكلب الكسول והשועל dog",
    "empty": "",
    "spaces": " \n\t ",
    "long": "dog " * 10_000,
    "nul": "dog\0fox \0",
    "html": "<b>dog</b> &amp; <script>alert('fox')</script>",
    "special": "[CLS] </s> [PAD] <pad> dog",
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
@pytest.mark.parametrize("family", FAMILIES)
def test_odd_texts_are_explained(tiny: Start, family: str, text: str) -> None:
    model = tiny(family, "sequence")
    for method in ("layer_integrated_gradients", "saliency", "occlusion"):
        steps = {"n_steps": 3} if method == "layer_integrated_gradients" else {}
        answer = model.explain(text, method=method, **steps)
        (explanation,), (details,) = answer["explanations"], answer["details"]
        assert len(explanation["words"]) == len(explanation["importances"]) == len(details["offsets"])
        assert np.isfinite(explanation["importances"]).all()
        assert details["text"] == text
        assert details["truncated"] == (text == ODD["long"]) == (details["tokens_dropped"] > 0)
        for place in details["offsets"]:
            assert place is None or 0 <= place[0] <= place[1] <= len(text)


def test_importances_that_are_all_zero_stay_so(tiny: Start) -> None:
    answer = tiny("bert", "sequence").explain("", n_steps=5)
    assert answer["explanations"] == [{"words": ["[CLS]", "[SEP]"], "importances": [0.0, 0.0], "delta": 0.0}]
    assert answer["details"][0]["converged"] is True


@pytest.mark.parametrize("family", FAMILIES)
def test_the_default_target_is_what_the_predictor_predicts(tiny: Start, family: str) -> None:
    def predicted(task: str, instance: Any) -> dict[str, Any]:
        connection = tiny(family, task).connection
        reply = connection.call("POST", "/v1/models/tiny:predict", None, orjson.dumps({"instances": [instance]}))
        return orjson.loads(reply.body)["predictions"][0]

    sequence = tiny(family, "sequence").explain(TEXT, n_steps=2)["details"][0]
    expected = predicted("sequence", TEXT)
    assert (sequence["target_label"], sequence["prediction_label"]) == (expected["label"], expected["label"])
    assert sequence["probability"] == pytest.approx(expected["probability"], abs=1e-6)

    details = tiny(family, "tokens").explain(TEXT, n_steps=2)["details"][0]
    tokens = predicted("tokens", TEXT)["tokens"]
    certain = max(tokens, key=lambda one: (one["label"] != "O", one["probability"]))
    assert (details["token_text"], details["target_label"]) == (certain["token"], certain["label"])
    assert details["offsets"][details["token"]] == [certain["start"], certain["end"]]

    instance = {"question": QUESTION, "context": CONTEXT}
    details = tiny(family, "answer").explain(instance, n_steps=2)["details"][0]
    answer = predicted("answer", instance)
    assert details["target"] == details["prediction"] == [answer["start_token"], answer["end_token"]]
    assert details["target_label"] == answer["answer"]
    assert details["probability"] == pytest.approx(answer["score"], abs=1e-6)


def test_a_target_may_be_named_in_several_ways(tiny: Start) -> None:
    def targets(task: str, instance: Any, **parameters: Any) -> Any:
        return tiny("bert", task).explain(instance, method="saliency", **parameters)["parameters"]["target"]

    assert targets("sequence", TEXT, target="positive") == targets("sequence", {"text": TEXT, "target": 2}) == [2]
    (told,) = tiny("bert", "tokens").explain(TEXT, method="saliency", target=3)["details"]
    assert told["token"] == 3
    assert told["target_label"] == told["prediction_label"]
    assert targets("tokens", TEXT, target=[[3, "LOC"]]) == targets("tokens", TEXT, target=[[3, 2]]) == [[3, 2]]
    assert targets("tokens", TEXT, target="LOC")[0][1] == 2
    question = {"question": QUESTION, "context": CONTEXT}
    assert targets("answer", question, target=9) == [[9, 9]]
    assert targets("answer", {**question, "target": [9, 11]}) == [[9, 11]]


@pytest.mark.parametrize("task", ["sequence", "tokens", "answer"])
def test_top_k_explains_the_likeliest(tiny: Start, task: str) -> None:
    instance = {"question": QUESTION, "context": CONTEXT} if task == "answer" else TEXT
    model = tiny("bert", task)
    answer = model.explain(instance, method="saliency", top_k=2)
    (explanations,), (details,) = answer["explanations"], answer["details"]
    assert len(explanations) == len(details) == 2
    first = model.explain(instance, method="saliency")
    assert explanations[0] == first["explanations"][0]
    assert details[0] == first["details"][0]
    assert details[1] != details[0]


def test_torchserves_path_answers_one_object(tiny: Start) -> None:
    for task, instance, target in (
        ("sequence", {"text": TEXT}, 0),
        ("answer", {"question": QUESTION, "context": CONTEXT}, 9),
    ):
        model = tiny("bert", task)
        body = orjson.dumps({**instance, "target": target})
        expected = model.explain(instance, target=target)["explanations"]
        assert model.answer(body, torchserve.read) == {"explanations": expected}
        assert model.answer(body, torchserve.read, service_envelope="none") == expected[0]
        keys = ["words", "importances", "delta"]
        if task == "answer":
            keys = ["words", "importances_answer_start", "importances_answer_end", "delta_start", "delta_end"]
        assert list(expected[0]) == keys
    model = tiny("bert", "sequence")
    assert model.answer(TEXT.encode(), torchserve.read) == {"explanations": model.explain(TEXT)["explanations"]}


REFUSED: list[tuple[str, Any, dict[str, Any], str]] = [
    ("sequence", 3, {}, "instances[0] is 3; expected a string or"),
    ("sequence", None, {}, "instances[0] is None; expected a string or"),
    ("sequence", [1.0, 2.0], {}, "instances[0] is [1.0, 2.0]; expected a string or"),
    ("sequence", {"text": 3}, {}, "instances[0].text is 3; expected a string"),
    ("sequence", {"texts": "a"}, {}, "instances[0] has the keys 'texts'; expected 'text' and at most a 'text_pair'"),
    ("sequence", {"text_pair": "a"}, {}, "instances[0] has the keys none; expected 'text'"),
    ("tokens", {"text": "a", "text_pair": "b"}, {}, "instances[0] has the keys 'text', 'text_pair'; expected 'text'"),
    ("answer", "who?", {}, 'instances[0] is \'who?\'; expected {"question": ..., "context": ...}'),
    ("answer", {"question": "who?"}, {}, "instances[0] has the keys 'question'; expected 'question' and 'context'"),
    ("answer", {"question": "who?", "context": ""}, {}, "text_pair has no tokens"),
    ("answer", {"question": "who " * 60, "context": "a"}, {}, "the other text needs room too"),
    ("sequence", "a", {"method": "deep_lift"}, "'deep_lift' is not known; Known: gradient_shap, input_x_gradient, "),
    ("sequence", "a", {"method": "limes"}, "did you mean 'lime'?"),
    ("sequence", "a", {"baselines": 0}, "parameters of layer_integrated_gradients: 'baselines' is not known"),
    ("sequence", "a", {"method": "lime", "merge_subwords": True}, "parameters of lime: 'merge_subwords' is not known"),
    ("sequence", "a", {"layer": "logits"}, "layer is 'logits'; expected one of 'embeddings', 'embedding_sum', "),
    ("sequence", "a", {"n_steps": "auto"}, "n_steps is 'auto'; expected a whole number of 1 to 1000"),
    ("sequence", "a", {"n_steps": 0}, "n_steps is 0; expected a whole number of 1 to 1000"),
    ("sequence", "a", {"normalization": "l1"}, "normalization is 'l1'; expected one of 'l2', 'none'"),
    ("sequence", "a", {"target": 3}, "target is 3; expected an index of 0 to 2"),
    ("sequence", "a", {"target": "glad"}, "target is the label 'glad'; expected an index, or one of 'negative', "),
    ("sequence", "a", {"target": [0, 1]}, "target has 2 entries; expected 1, one per instance"),
    ("sequence", "a", {"target": 1, "top_k": 1}, "both target and top_k are there"),
    ("sequence", "a", {"top_k": 4}, "top_k is 4; expected at most 3"),
    ("tokens", "dog", {"target": 3}, "target is the token 3; expected an index of 0 to 2"),
    ("tokens", "dog", {"target": [[1, 3]]}, "target is the label 3; expected an index of 0 to 2"),
    ("tokens", "dog", {"target": "CITY"}, "target is the label 'CITY'; expected one of 'O', 'PER', 'LOC'"),
    ("tokens", "dog", {"target": [["PER", 1]]}, "target is ['PER', 1]; expected [token, label]"),
    ("tokens", "dog", {"top_k": 9}, "the tokens of this text"),
    ("answer", {"question": "who?", "context": "a"}, {"target": "who"}, "target is 'who'; expected"),
    ("answer", {"question": "who?", "context": "a"}, {"target": [[1, 99]]}, "target is the token 99; expected"),
    ("answer", {"question": "who?", "context": "a"}, {"top_k": 9}, "the answers in this context"),
]


@pytest.mark.parametrize(("task", "instance", "parameters", "sentence"), REFUSED)
def test_bad_requests_are_told_what_was_expected(
    tiny: Start, task: str, instance: Any, parameters: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(BadInput) as refusal:
        tiny("bert", task).explain(instance, **parameters)
    assert sentence in str(refusal.value)


def test_limits_hold_for_texts(tiny: Start) -> None:
    model = tiny("bert", "sequence")
    with pytest.raises(TooLarge, match="2 instances; expected at most 1"):
        model.answer(b'{"instances": ["a", "b"]}', max_instances=1)
    with pytest.raises(TooLarge, match="1000001 characters"):
        model.explain("a" * 1_000_001)
    with pytest.raises(BadInput, match="a text has 3 words; expected at most 2"):
        model.answer(b'{"instances": ["a b c"], "parameters": {"method": "occlusion"}}', max_perturbations=2)


def test_other_formats_and_pictures_are_refused_for_texts(tiny: Start) -> None:
    description = tiny("bert", "sequence").description
    settings = Settings("tiny", PredictorAddress("127.0.0.1:1"))
    with pytest.raises(BadInput, match="Alibi's integrated gradients explain tensors"):
        alibi.read_document({"instances": ["a"]}, Incoming(b""), description, settings)
    tensor = {"name": "input", "shape": [1, 2], "datatype": "FP32", "data": [0, 1]}
    with pytest.raises(BadInput, match="the model takes texts"):
        v2.read(Incoming(orjson.dumps({"inputs": [tensor]})), description, settings)
    with pytest.raises(BadInput, match='render is "png", which shows pictures; expected "html" for this model'):
        tiny("bert", "sequence").answer(b'{"instances": ["a"], "render": "png"}')


def test_the_catalogue_has_the_methods_that_texts_have(tiny: Start) -> None:
    def methods(task: str) -> list[str]:
        return [entry["name"] for entry in write_catalogue(tiny("bert", task).description, Limits(), {})["methods"]]

    gradients = ["gradient_shap", "input_x_gradient", "layer_integrated_gradients", "saliency"]
    assert methods("sequence") == sorted([*gradients, "lime", "occlusion"])
    assert methods("tokens") == methods("answer") == gradients
    entries = write_catalogue(tiny("bert", "tokens").description, Limits(), {})["methods"]
    parameters = {entry["name"]: entry["parameters"] for entry in entries}
    assert parameters["layer_integrated_gradients"]["layer"]["default"] == "embeddings"
    assert parameters["layer_integrated_gradients"]["n_steps"]["maximum"] == Limits().max_steps
