import pytest
from captum_explainer.formats.aix import from_aix
from captum_serving.errors import BadInput


def test_a_request_without_aixs_keys_has_no_parameters_of_aix():
    assert from_aix({"instances": [[0]]}) == {}


def test_aixs_keys_are_limes_parameters():
    document = {"top_labels": 10, "num_samples": 100, "segmentation_alg": "slic", "instances": []}
    assert from_aix(document) == {"method": "lime", "top_k": 10, "n_samples": 100, "segmentation": "slic"}


def test_numbers_may_be_strings_as_aixs_client_sends_them():
    assert from_aix({"top_labels": "10", "num_samples": "100"}) == {"method": "lime", "top_k": 10, "n_samples": 100}


@pytest.mark.parametrize(
    "document", [{"positive_only": "true"}, {"positive_only": False}, {"min_weight": "0.01"}, {"min_weight": 0}]
)
def test_what_shapes_aixs_masks_only_is_checked_and_not_passed_on(document):
    assert from_aix(document) == {"method": "lime"}


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({"top_labels": "many"}, "top_labels is 'many'; expected a whole number"),
        ({"top_labels": [1]}, "top_labels is [1]; expected a whole number"),
        ({"top_labels": 2.5}, "top_labels is 2.5; expected a whole number"),
        ({"top_labels": True}, "top_labels is True; expected a whole number"),
        ({"num_samples": None}, "num_samples is None; expected a whole number"),
        ({"num_samples": "1e3"}, "num_samples is '1e3'; expected a whole number"),
        ({"num_samples": "9" * 5000}, "num_samples is '" + "9" * 56 + "...; expected a whole number"),
        ({"min_weight": "heavy"}, "min_weight is 'heavy'; expected a number"),
        ({"min_weight": {}}, "min_weight is {}; expected a number"),
        ({"min_weight": "nan"}, "min_weight is 'nan'; expected a number"),
        ({"positive_only": 1}, "positive_only is 1; expected true or false"),
        ({"positive_only": "yes"}, "positive_only is 'yes'; expected true or false"),
    ],
)
def test_what_is_not_of_its_kind_is_refused(document, sentence):
    with pytest.raises(BadInput) as refusal:
        from_aix(document)
    assert refusal.value.sentence == sentence
