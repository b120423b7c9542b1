"""JSON documents that people and other servers write: described by pydantic, refused in one sentence."""

from collections.abc import Iterable
from typing import TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from captum_serving.sentences import name_nearest, shorten

D = TypeVar("D", bound="Document")


class DocumentError(ValueError):
    """A document does not fit its description; the sentence says where, what was got and what was expected."""


class Document(BaseModel):
    """The base of descriptions: 5.0 is not a whole number, true is not a number, and unknown keys are refused."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


def read_document(kind: type[D], text: bytes | str) -> D:
    """Read a JSON document.

    Raises:
        DocumentError: It is not JSON, or does not fit `kind`.
    """
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise DocumentError(_describe(error, kind)) from None


# What is expected, by pydantic's names for mistakes; other mistakes keep pydantic's own words.
_EXPECTED = {
    "bool_type": "true or false",
    "dict_type": "an object",
    "float_type": "a number",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "int_type": "a whole number",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "list_type": "a list",
    "model_type": "an object",
    "string_pattern_mismatch": "a string that matches {pattern}",
    "string_too_short": "{min_length} or more characters",
    "string_type": "a string",
    "too_long": "at most {max_length} entries",
    "too_short": "{min_length} or more entries",
    "tuple_type": "a list",
    "value_error": "{error}",
}


def _describe(error: ValidationError, kind: type[BaseModel]) -> str:
    mistakes = error.errors(include_url=False)
    # An unknown key may well be the reason why another one is missing.
    mistake = next((one for one in mistakes if one["type"] == "extra_forbidden"), mistakes[0])
    *parents, last = mistake["loc"] or [""]
    if mistake["type"] == "json_invalid":
        return f"cannot be read ({mistake['ctx']['error']}), expected JSON"
    if mistake["type"] == "extra_forbidden":
        where = f"{_join(parents)}: " if parents else ""
        return f"{where}key {name_nearest(last, list(_find_model(kind, parents).model_fields))}"
    where = _join(mistake["loc"]) or "the document"
    if mistake["type"] == "missing":
        fields = _find_model(kind, parents).model_fields
        required = [name for name, field in fields.items() if field.is_required()]
        return f"{where} is missing" + (f", expected the keys {', '.join(required)}" if last in required else "")
    return f"{where}: got {shorten(mistake['input'])}, expected {_name_expected(mistake)}"


def _name_expected(mistake: ErrorDetails) -> str:
    if mistake["type"] in _EXPECTED:
        return _EXPECTED[mistake["type"]].format(**mistake.get("ctx", {}))
    return mistake["msg"].removeprefix("Input should be ")


def _join(steps: Iterable[int | str]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".")


def _find_model(kind: type[BaseModel], steps: Iterable[int | str]) -> type[BaseModel]:
    """Find the model that describes the object at a place of the document."""
    for step in steps:
        if step in kind.model_fields:
            kind = _find_model_within(kind.model_fields[step].annotation) or kind
    return kind


def _find_model_within(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _find_model_within(part))), None)
