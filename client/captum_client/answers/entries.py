"""Reads the lists `explanations` and `details` of an answer, which have one entry per instance."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from captum_client.errors import QueryError
from captum_client.http.answer import JsonAnswer
from captum_client.printable import make_printable

T = TypeVar("T")


def read_entries(
    answer: JsonAnswer, count: int, read: Callable[[object, Mapping[str, object], str | None], T]
) -> list[list[T]]:
    """Call `read(values, details, layer)` for every explanation, and return the results by instance.

    An instance has one explanation, or several if `top_k` was asked for. Raises QueryError unless there are `count`
    instances.
    """
    content = answer.json
    if not isinstance(content, dict):
        raise build_answer_error("it is not an object")
    parts = [content.get(key) for key in ("explanations", "details")]
    for key, part in zip(("explanations", "details"), parts, strict=True):
        if not isinstance(part, list) or len(part) != count:
            got = f"a list of {len(part)}" if isinstance(part, list) else type(part).__name__
            raise build_answer_error(f"{key!r} is {got}, expected a list of {count}")
    parameters = content.get("parameters")
    layer = parameters.get("layer") if isinstance(parameters, dict) else None
    layer = make_printable(layer, 40) if layer is not None else None
    return [
        [read(value, detail, layer) for value, detail in _pair_rows(values, details)]
        for values, details in zip(*parts, strict=True)
    ]


def _pair_rows(values: object, details: object) -> list[tuple[object, Mapping[str, object]]]:
    if isinstance(details, dict):
        return [(values, details)]
    if not isinstance(details, list) or not isinstance(values, list) or len(values) != len(details):
        raise build_answer_error("'details' does not match 'explanations'")
    if not all(isinstance(detail, dict) for detail in details):
        raise build_answer_error("an entry of 'details' is not an object")
    return list(zip(values, details, strict=True))


def build_answer_error(what: str) -> QueryError:
    """Return the error for an answer that cannot be shown, because `what`."""
    return QueryError(f"The answer cannot be shown as an explanation: {what}.", "--json prints the unchanged answer.")
