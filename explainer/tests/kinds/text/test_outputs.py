import numpy as np
import pytest
import torch
from captum_explainer.kinds.text.outputs import Probabilities, choose_targets
from captum_explainer.kinds.text.tokens import Tokens
from captum_explainer.predictor_client.description import Access, Description, TextModel, TextTask
from captum_explainer.predictor_client.texts import Text


def tokens_of(*sequences):
    """Tokens of which each is of the text, its pair, or special (-1)."""
    count = len(sequences)
    of = np.array(sequences)
    offsets = np.stack([np.arange(count), np.arange(count) + 1], axis=1)
    strings = [str(i) for i in range(count)]
    return Tokens(strings, np.zeros((1, count), np.int64), {}, of < 0, offsets, np.arange(count), of, 0)


def described(task, *labels, probabilities="softmax"):
    text = TextModel(task=task, probabilities=probabilities, padding_id=0)
    return Description("tiny", Access.STRUCTURE, labels=labels, text=text)


ENTITIES = described(TextTask.TOKENS, "O", "PER", "LOC")
TAGGED = tokens_of(-1, 0, 0, 0, -1)


def tagged(*rows):
    return torch.tensor([rows], dtype=torch.float32).flatten(1)


def test_an_entity_is_chosen_before_a_more_certain_token_that_is_none():
    logits = tagged([0, 9, 0], [9, 0, 0], [0, 1, 0], [0, 0, 2], [0, 0, 9])
    ranked = choose_targets(None, 3, logits, TAGGED, Text("abcde"), ENTITIES)
    assert [one.value for one in ranked] == [[3, 2], [2, 1], [1, 0]]
    assert [one.outputs for one in ranked] == [(3 * 3 + 2,), (2 * 3 + 1,), (1 * 3 + 0,)]
    assert ranked[0].details["probability"] == pytest.approx(np.exp(2) / (np.exp(2) + 2))


def test_without_an_entity_the_most_certain_token_is_explained():
    logits = tagged([0, 9, 0], [2, 0, 0], [3, 0, 0], [1, 0, 0], [0, 0, 9])
    (one,) = choose_targets(None, None, logits, TAGGED, Text("abcde"), ENTITIES)
    assert one.value == [2, 0]


def test_a_labels_most_certain_token_is_none_of_the_special_ones():
    logits = tagged([0, 9, 0], [2, 0, 0], [3, 2, 0], [1, 0, 0], [0, 0, 9])
    (one,) = choose_targets("PER", None, logits, TAGGED, Text("abcde"), ENTITIES)
    assert one.value == [2, 1]
    assert (one.details["prediction_label"], one.details["target_label"]) == ("O", "PER")


ANSWERS = described(TextTask.ANSWER, "start", "end")


def test_an_answer_begins_before_it_ends_and_is_of_the_context():
    tokens = tokens_of(-1, 0, -1, 1, 1, 1, -1)
    starts, ends = [9, 9, 9, 0, 1, 2, 9], [9, 9, 9, 4, 0, 1, 9]
    logits = torch.tensor([list(zip(starts, ends, strict=True))], dtype=torch.float32).flatten(1)
    ranked = choose_targets(None, 2, logits, tokens, Text("q", "context"), ANSWERS)
    # By start + end, of the pairs in order: (3, 3) has 4, (5, 5) has 3; the unordered (5, 3) would have 6.
    assert [one.value for one in ranked] == [[3, 3], [5, 5]]
    assert ranked[0].outputs == (3 * 2, 3 * 2 + 1)
    probabilities = Probabilities(ANSWERS, tokens)(logits).reshape(7, 2)
    np.testing.assert_allclose(probabilities.sum(dim=0), 1, atol=1e-6)
    assert not probabilities[[0, 1, 2, 6]].any()
    product = float(probabilities[3, 0] * probabilities[3, 1])
    assert ranked[0].details["probability"] == pytest.approx(product)
    assert ranked[0].details["prediction_label"] == "t"


def test_an_answer_has_at_most_thirty_tokens():
    tokens = tokens_of(*[1] * 40)
    table = torch.zeros(1, 40, 2)
    table[0, 0, 0], table[0, 39, 1], table[0, 29, 1] = 5, 5, 4
    (one,) = choose_targets(None, None, table.flatten(1), tokens, Text("q", "c" * 40), ANSWERS)
    assert one.value == [0, 29]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("softmax", [0.5, 0.25, 0.25]), ("sigmoid", [2 / 3, 0.5, 0.5]), ("none", [np.log(2), 0, 0])],
)
def test_a_sequences_probabilities_are_as_the_model_declares(kind, expected):
    description = described(TextTask.SEQUENCE, "a", "b", "c", probabilities=kind)
    found = Probabilities(description, None)(torch.tensor([[np.log(2), 0, 0]], dtype=torch.float32))
    np.testing.assert_allclose(found[0], expected, atol=1e-6)
