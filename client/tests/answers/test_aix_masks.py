import numpy as np
import pytest
from captum_client.answers.aix_masks import ImageMasks, is_aix_answer, read_masks
from captum_client.errors import QueryError
from captum_client.http.answer import JsonAnswer
from captum_client.inputs.image import InputImage

IMAGE = InputImage(np.zeros((28, 28), np.uint8), "test image 0")
NAMES = ["zero", "one", "two"]


def explanation(**changes: object) -> dict[str, object]:
    masks = np.zeros((2, 28, 28), int)
    masks[0, 3] = 1
    masks[1, 4] = -1
    return {"temp": np.zeros((28, 28, 3)).tolist(), "masks": masks.tolist(), "top_labels": [2, 5]} | changes


def answer(explanations: object) -> JsonAnswer:
    return JsonAnswer("", {"explanations": explanations})


@pytest.mark.parametrize(
    ("explanations", "expected"),
    [
        (explanation(), True),
        ([explanation(), explanation()], True),
        ([[[0.5]]], False),
        ({"temp": [], "masks": []}, False),
        ([], False),
        (None, False),
    ],
)
def test_aixs_answers_are_known_by_their_shape(explanations: object, expected: bool) -> None:
    assert is_aix_answer(answer(explanations)) is expected


def test_an_answer_that_is_no_object_is_not_aixs() -> None:
    assert not is_aix_answer(JsonAnswer("[]", []))


def test_one_image_has_a_dictionary_and_several_have_a_list() -> None:
    [one] = read_masks(answer(explanation()), [IMAGE])
    assert one.top_labels == [2, 5]
    assert one.masks.dtype == np.int8
    assert (one.masks[0, 3] == 1).all()
    assert (one.masks[1, 4] == -1).all()
    assert len(read_masks(answer([explanation(), explanation()]), [IMAGE, IMAGE])) == 2


def test_words_name_the_labels_and_number_those_without_a_name() -> None:
    assert ImageMasks(np.zeros((2, 28, 28), np.int8), [2, 5]).describe(NAMES) == "masks for two, 5"


@pytest.mark.parametrize(
    ("explanations", "sentence"),
    [
        ([explanation()], "it has 1 explanations, expected 2"),
        ([explanation(), 3], "an explanation lacks one of temp, masks, top_labels"),
        ([explanation(), explanation(top_labels=["2", "5"])], "'top_labels' is not a list of whole numbers"),
        ([explanation(), explanation(top_labels=[])], "'top_labels' is not a list of whole numbers"),
        ([explanation(), explanation(masks=[[0], [0, 1]])], "'masks' has rows of different lengths"),
        (
            [explanation(), explanation(top_labels=[1])],
            "'masks' has the shape [2, 28, 28], expected [1, 28, 28]",
        ),
        (
            [explanation(), explanation(masks=np.full((2, 28, 28), 7).tolist())],
            "'masks' has values other than -1, 0 and 1",
        ),
    ],
)
def test_what_cannot_be_drawn_is_told(explanations: object, sentence: str) -> None:
    with pytest.raises(QueryError) as error:
        read_masks(answer(explanations), [IMAGE, IMAGE])
    assert error.value.sentence == f"The answer cannot be shown as an explanation: {sentence}."
