"""Explanations by words, against the lime package and against scores that are counted here."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import orjson
import pytest
import torch
from captum._utils.models.linear_model import SkLearnLasso
from captum.attr import Lime
from lime.lime_text import LimeTextExplainer

TEXT = "The dog and the fox wrote a terrible book, and the dog forgot it."
Start = Callable[[str, str], Any]


def probabilities(model: Any) -> Callable[[list[str]], np.ndarray]:
    def of(texts: list[str]) -> np.ndarray:
        rows = [model.logits(**model.encoded(text)[0])[0] for text in texts]
        return torch.softmax(torch.stack(rows), dim=1).double().numpy()

    return of


def of_lime(model: Any, text: str, samples: int, words: int, seed: int = 0, labels: int = 3) -> Any:
    explainer = LimeTextExplainer(random_state=np.random.RandomState(seed))
    return explainer.explain_instance(
        text, probabilities(model), top_labels=labels, num_features=words, num_samples=samples
    )


@pytest.mark.parametrize(("family", "words", "seed"), [("bert", 10, 0), ("roberta", 7, 5)])
def test_aixs_answer_is_the_lime_packages(tiny: Start, family: str, words: int, seed: int) -> None:
    model = tiny(family, "sequence")
    body = {"instances": [TEXT], "num_samples": "60", "num_features": words, "seed": seed}
    answer = model.answer(orjson.dumps(body), explainer_type="LimeTexts")
    assert list(answer) == ["explanations"]
    package = of_lime(model, TEXT, 60, words, seed)
    assert list(answer["explanations"]) == [str(label) for label in package.top_labels]
    for label, found in answer["explanations"].items():
        expected = package.as_list(int(label))
        assert [word for word, _ in found] == [word for word, _ in expected]
        np.testing.assert_allclose([weight for _, weight in found], [weight for _, weight in expected], atol=1e-6)


def test_aixs_top_labels_may_be_more_than_there_are_and_fewer(tiny: Start) -> None:
    model = tiny("bert", "sequence")
    for asked, given in (("10", 3), (1, 1)):
        body = {"instances": [TEXT], "num_samples": 20, "top_labels": asked}
        assert len(model.answer(orjson.dumps(body))["explanations"]) == given


def test_each_of_aixs_several_texts_is_answered_as_it_would_be_alone(tiny: Start) -> None:
    model = tiny("bert", "sequence")

    def answered(*texts: str) -> Any:
        body = {"instances": texts, "num_samples": 20, "top_labels": 2}
        return model.answer(orjson.dumps(body), explainer_type="LimeTexts")["explanations"]

    assert answered(TEXT, "a lazy dog") == [answered(TEXT), answered("a lazy dog")]


@pytest.mark.parametrize("text", ["", "🐕", "dog", "dog dog"])
def test_aix_answers_texts_of_one_word_and_of_none(tiny: Start, text: str) -> None:
    body = {"instances": [text], "num_samples": 10, "top_labels": 1}
    ((found),) = (
        tiny("bert", "sequence").answer(orjson.dumps(body), explainer_type="LimeTexts")["explanations"].values()
    )
    assert [word for word, _ in found] == (["dog"] if "dog" in text else [])
    (ours,) = tiny("bert", "sequence").explain(text, method="lime", n_samples=10)["explanations"]
    assert len(ours["importances"]) == len(text.split())


def test_our_own_lime_gives_every_occurrence_of_a_word_its_weight(tiny: Start) -> None:
    model = tiny("bert", "sequence")
    parameters = {"surrogate": "ridge", "bag_of_words": True, "output": "probability", "n_samples": 60, "target": 1}
    answer = model.explain(TEXT, method="lime", **parameters)
    package = of_lime(model, TEXT, 60, 100)
    weights = dict(package.as_list(1))
    (explanation,) = answer["explanations"]
    assert explanation["words"] == re.findall(r"\w+", TEXT)
    np.testing.assert_allclose(explanation["importances"], [weights[w] for w in explanation["words"]], atol=1e-6)
    details = answer["details"][0]
    assert [TEXT[start:end] for start, end in details["offsets"]] == explanation["words"]
    assert details["intercept"] == pytest.approx(package.intercept[1], abs=1e-6)
    assert explanation["delta"] is None


def test_our_own_lime_by_default_is_captums_of_every_word(tiny: Start) -> None:
    model = tiny("bert", "sequence")
    answer = model.explain(TEXT, method="lime", alpha=0.0001, n_samples=60, target=1)
    words = list(re.finditer(r"\w+|[^\w\s]", TEXT))
    assert answer["explanations"][0]["words"] == [word[0] for word in words]

    def forward(rows: torch.Tensor) -> torch.Tensor:
        scores = []
        for row in rows:
            text = list(TEXT)
            for word, present in zip(words, row, strict=True):
                if not present:
                    text[word.start() : word.end()] = [""] * len(word[0])
            scores.append(model.logits(**model.encoded("".join(text))[0])[0])
        return torch.stack(scores)

    torch.manual_seed(0)
    expected = Lime(forward, interpretable_model=SkLearnLasso(alpha=0.0001)).attribute(
        torch.ones(1, len(words)), target=1, n_samples=60
    )
    assert expected.any()
    np.testing.assert_allclose(answer["explanations"][0]["importances"], expected[0].numpy(), atol=1e-5)


def test_occlusion_is_the_scores_fall_without_each_word(tiny: Start) -> None:
    model = tiny("roberta", "sequence")
    text = "the dog, the fox"
    for output, score in (("logit", lambda t: model.logits(**model.encoded(t)[0])[0].numpy()), ("probability", None)):
        score = score or (lambda t: probabilities(model)([t])[0])
        answer = model.explain(text, method="occlusion", target=2, output=output)
        left = [" dog, the fox", "the , the fox", "the dog the fox", "the dog,  fox", "the dog, the "]
        expected = [score(text)[2] - score(other)[2] for other in left]
        np.testing.assert_allclose(answer["explanations"][0]["importances"], expected, atol=1e-6)
        assert answer["details"][0]["baseline_score"] == pytest.approx(score("   ")[2], abs=1e-6)


def test_a_word_may_be_replaced_instead(tiny: Start) -> None:
    model = tiny("bert", "sequence")
    answer = model.explain("dog fox", method="occlusion", target=0, replacement="[MASK]")
    scores = [model.logits(**model.encoded(t)[0])[0, 0].item() for t in ("dog fox", "[MASK] fox", "dog [MASK]")]
    expected = [scores[0] - scores[1], scores[0] - scores[2]]
    np.testing.assert_allclose(answer["explanations"][0]["importances"], expected, atol=1e-6)


def test_a_pairs_words_are_those_of_both(tiny: Start) -> None:
    answer = tiny("bert", "sequence").explain({"text": "lazy dog", "text_pair": "a fox"}, method="occlusion")
    assert answer["explanations"][0]["words"] == ["lazy", "dog", "a", "fox"]
    assert answer["details"][0]["sequences"] == [0, 0, 1, 1]
    assert answer["details"][0]["offsets"] == [[0, 4], [5, 8], [0, 1], [2, 5]]


def test_what_the_model_does_not_see_moves_in_for_no_word(tiny: Start) -> None:
    model = tiny("bert", "sequence")
    text = "dog " * 60
    answer = model.explain(text, method="occlusion")
    assert answer["details"][0]["truncated"] is True
    assert answer["details"][0]["tokens_dropped"] == 60 - (48 - 2)
    assert len(answer["explanations"][0]["words"]) == 48 - 2
    assert answer["details"][0]["text"] == text


@pytest.mark.parametrize("task", ["tokens", "answer"])
def test_methods_that_leave_words_out_are_of_no_other_task(tiny: Start, task: str) -> None:
    instance = {"question": "who?", "context": TEXT} if task == "answer" else TEXT
    with pytest.raises(
        Exception, match=r"lime leaves words out, .*; possible: gradient_shap, input_x_gradient, layer_"
    ):
        tiny("bert", task).explain(instance, method="lime")
