import json
from typing import Annotated

import pytest
from captum_serving.documents import Document, DocumentError, read_document
from pydantic import AfterValidator, Field, JsonValue


def check_even(value):
    if value % 2:
        raise ValueError("an even number")
    return value


class Wheel(Document):
    size: float = Field(gt=0)
    spokes: Annotated[int, AfterValidator(check_even)] = 8


class Vehicle(Document):
    name: Annotated[str, Field(min_length=1, pattern="^[a-z]*$")]
    wheels: Annotated[tuple[Wheel, ...], Field(max_length=4)]
    spare: Wheel | None = None
    is_old: bool = False
    more: dict[str, JsonValue] = Field(default_factory=dict)


GOOD = {"name": "car", "wheels": [{"size": 1}]}


def test_a_document_is_read():
    read = read_document(Vehicle, json.dumps(GOOD | {"more": {"a": [1, None]}}))
    assert read == Vehicle(name="car", wheels=(Wheel(size=1.0),), more={"a": [1, None]})
    assert isinstance(read.wheels[0].size, float)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": 5}, "name: got 5, expected a string"),
        ({"name": ""}, "name: got '', expected 1 or more characters"),
        ({"name": "A"}, "name: got 'A', expected a string that matches ^[a-z]*$"),
        ({"name": None}, "name: got None, expected a string"),
        ({"wheels": {}}, "wheels: got {}, expected a list"),
        ({"wheels": [{"size": 1}] * 5}, "expected at most 4 entries"),
        ({"wheels": [5]}, "wheels[0]: got 5, expected an object"),
        ({"wheels": [{"size": True}]}, "wheels[0].size: got True, expected a number"),
        ({"wheels": [{"size": "1"}]}, "wheels[0].size: got '1', expected a number"),
        ({"wheels": [{"size": 0}]}, "wheels[0].size: got 0, expected more than 0"),
        ({"wheels": [{"size": float("nan")}]}, "wheels[0].size: got nan, expected a finite number"),
        ({"wheels": [{"size": 1, "spokes": 6.0}]}, "wheels[0].spokes: got 6.0, expected a whole number"),
        ({"wheels": [{"size": 1, "spokes": 5}]}, "wheels[0].spokes: got 5, expected an even number"),
        ({"wheels": [{}]}, "wheels[0].size is missing, expected the keys size"),
        ({"is_old": 1}, "is_old: got 1, expected true or false"),
        ({"more": []}, "more: got [], expected an object"),
        ({"nam": "a"}, "key 'nam' is not known; did you mean 'name'? Known: name, wheels, spare, is_old, more"),
        ({"spare": {"spoke": 2}}, "spare: key 'spoke' is not known; did you mean 'spokes'? Known: size, spokes"),
        ({"wheels": [{"zzz": 1}]}, "wheels[0]: key 'zzz' is not known; Known: size, spokes"),
    ],
)
def test_a_mistake_is_one_sentence(changes, sentence):
    with pytest.raises(DocumentError) as caught:
        read_document(Vehicle, json.dumps(GOOD | changes))
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_key_that_is_missing_is_named_with_the_others():
    with pytest.raises(DocumentError, match=r"^name is missing, expected the keys name, wheels$"):
        read_document(Vehicle, "{}")


@pytest.mark.parametrize("text", ["", "{", b"\xff{}", "[" * 100_000, '{"name": "car",}'])
def test_what_is_no_json_is_one_sentence(text):
    with pytest.raises(DocumentError, match=r"^cannot be read \(.{1,100}\), expected JSON$"):
        read_document(Vehicle, text)


def test_what_is_no_object_is_one_sentence():
    with pytest.raises(DocumentError, match=r"^the document: got \[1\], expected an object$"):
        read_document(Vehicle, "[1]")
