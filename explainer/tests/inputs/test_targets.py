import pytest
import torch
from captum_explainer.inputs.targets import resolve_targets
from captum_serving.errors import BadInput

SCORES = torch.tensor([[0.1, 0.7, 0.2], [0.5, 0.1, 0.4]])


def test_the_default_is_each_instances_predicted_class(description):
    assert resolve_targets(None, None, SCORES, description) == [[1], [0]]


def test_one_index_is_every_instances(description):
    assert resolve_targets(2, None, SCORES, description) == [[2], [2]]


def test_a_string_is_always_a_label_even_of_digits(description):
    assert resolve_targets("7", None, SCORES, description) == [[2], [2]]


def test_a_list_has_one_an_instance_of_either_kind(description):
    assert resolve_targets(["bee", 0], None, SCORES, description) == [[1], [0]]


def test_null_in_a_list_is_that_instances_predicted_class(description):
    assert resolve_targets([None, 2], None, SCORES, description) == [[1], [2]]


def test_top_k_ranks_from_the_likeliest(description):
    assert resolve_targets(None, 2, SCORES, description) == [[1, 2], [0, 2]]


def test_equal_scores_rank_by_index(description):
    assert resolve_targets(None, 3, torch.ones(1, 3), description) == [[0, 1, 2]]


@pytest.mark.parametrize(
    ("target", "top_k", "sentence"),
    [
        (3, None, "target is 3; expected an index of 0 to 2"),
        ("wasp", None, "target is the label 'wasp'; expected an index, or one of 'ant', 'bee', '7'"),
        ([0], None, "target has 1 entries; expected 2, one per instance"),
        ([0, 3], None, "target is 3; expected an index of 0 to 2"),
        (0, 1, "both target and top_k are there; expected one of them"),
        (None, 4, "top_k is 4; expected at most 3, the model's outputs"),
    ],
)
def test_what_names_no_output_is_refused(target, top_k, sentence, description):
    with pytest.raises(BadInput) as refusal:
        resolve_targets(target, top_k, SCORES, description)
    assert refusal.value.sentence == sentence
