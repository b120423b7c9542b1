import pytest
from captum_client.answers.explanations import Explanation, read_explanations
from captum_client.http.answer import JsonAnswer
from fake_explainer import detail


def read(**changes: object) -> Explanation:
    answer = JsonAnswer("", {"explanations": [[[[0.5, -1]]]], "details": [detail(**changes)]})
    ((explanation,),) = read_explanations(answer, 1)
    return explanation


def test_numbers_and_words() -> None:
    explanation = read()
    assert explanation.attributions.tolist() == [[[0.5, -1.0]]]
    assert explanation.describe_prediction() == "Ankle boot (99.9 %)"
    assert explanation.describe_method() == "integrated_gradients, target Ankle boot, convergence delta 0.00012"


@pytest.mark.parametrize(
    ("probability", "words"),
    [(1, "9 (100.0 %)"), (0.99999, "9 (99.9 %)"), (0.5, "9 (50.0 %)"), (None, "9"), ("high", "9"), (float("nan"), "9")],
)
def test_prediction_without_a_label(probability: object, words: str) -> None:
    assert read(prediction_label=None, probability=probability).describe_prediction() == words


def test_label_may_be_empty_or_missing() -> None:
    assert read(target_label="").target == ""
    assert read(target_label=None, target=None).describe_method() == "integrated_gradients, convergence delta 0.00012"
    assert read(prediction_label=None, prediction=None, probability=None).describe_prediction() == "no prediction"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"convergence_delta": None, "converged": None}, "lime, target 7"),
        ({"convergence_delta": -3.456, "converged": False}, "lime, target 7, convergence delta -3.5 (not converged)"),
        ({"convergence_delta": 0, "converged": True}, "lime, target 7, convergence delta 0"),
    ],
)
def test_convergence(changes: dict[str, object], words: str) -> None:
    assert read(method="lime", target_label="7", **changes).describe_method() == words


def test_words_of_the_server_are_tamed() -> None:
    explanation = read(method="a\x1b[31m" + "b" * 100, target_label="c\nd")
    assert len(explanation.method) == 60
    assert "\x1b" not in explanation.method
    assert explanation.target == "c d"


def test_several_explanations_of_an_image() -> None:
    details = [[detail(target=1), detail(target=2)], [detail(target=3)]]
    answer = JsonAnswer("", {"explanations": [[[1.0], [2.0]], [[3.0]]], "details": details})
    first, second = read_explanations(answer, 2)
    assert [explanation.attributions.tolist() for explanation in first] == [[1.0], [2.0]]
    assert [explanation.attributions.tolist() for explanation in second] == [[3.0]]


@pytest.mark.parametrize(
    ("parameters", "words"),
    [({"layer": "conv2"}, "lime at conv2"), ({"layer": None}, "lime"), ({}, "lime"), (None, "lime")],
)
def test_layer_is_named(parameters: object, words: str) -> None:
    details = [detail(method="lime", target_label=None, target=None, convergence_delta=None)]
    answer = JsonAnswer("", {"explanations": [[[[1.0]]]], "details": details, "parameters": parameters})
    assert read_explanations(answer, 1)[0][0].describe_method() == words
