"""Holds two answers to one request against each other, and finds the first place where they differ."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# The time of the answer; the body is compared itself.
IGNORED_HEADERS = frozenset({"date", "content-length", "x-request-id"})
LONGEST = 150
AROUND = 12


@dataclass(frozen=True)
class Answer:
    """An HTTP response: its status (0 where there was none), its headers by lower-case names, and its body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def good(self) -> bool:
        """Whether the request was answered, and not refused."""
        return self.status == 200


@dataclass(frozen=True)
class Difference:
    """What differs, in one or two lines, and whether it is only an error's sentence."""

    text: str
    only_sentence: bool = False


def find_difference(here: Answer, other: Answer) -> Difference | None:
    """The first difference between this checkout's answer and the other's, or None."""
    if here.status != other.status:
        return Difference(f"status: {_show_status(here)}\n{_show_status(other)} in the other")
    for name in sorted({*here.headers, *other.headers} - IGNORED_HEADERS):
        ours, others = here.headers.get(name), other.headers.get(name)
        if ours != others:
            return Difference(f"header {name}: {ours!r}, {others!r} in the other")
    if here.body == other.body:
        return None
    sentences = _read_sentence(here), _read_sentence(other)
    if not here.good and None not in sentences:
        return Difference(f"{here.status}: {sentences[0]}\n{other.status}: {sentences[1]} in the other", True)
    return Difference(_find_place(here.body, other.body))


def _find_place(here: bytes, other: bytes) -> str:
    try:
        found = _find_in_json(json.loads(here), json.loads(other), "")
    except ValueError:
        found = None
    return found or _find_in_bytes(here, other)


def _find_in_json(here: Any, other: Any, path: str) -> str | None:  # noqa: ANN401 - JSON is any value
    if isinstance(here, dict) and isinstance(other, dict):
        if list(here) != list(other):
            return f"{path or 'the document'} has the keys {_cut(list(here))}\n{_cut(list(other))} in the other"
        parts = [(f"{path}.{key}" if path else key, here[key], other[key]) for key in here]
    elif isinstance(here, list) and isinstance(other, list) and len(here) == len(other):
        parts = [(f"{path}[{i}]", *pair) for i, pair in enumerate(zip(here, other, strict=True))]
    elif repr(here) == repr(other):  # so that 1 is not 1.0, nor True
        return None
    else:
        return f"{path or 'the document'}: {_cut(here)}\n{_cut(other)} in the other"
    return next((found for name, a, b in parts if (found := _find_in_json(a, b, name))), None)


def _find_in_bytes(here: bytes, other: bytes) -> str:
    shorter = min(len(here), len(other))
    place = next((i for i in range(shorter) if here[i] != other[i]), shorter)
    part = slice(max(0, place - AROUND), place + AROUND)
    sizes = f"{len(here)} bytes, {len(other)} in the other"
    return f"byte {place} ({sizes}): {here[part]!r}\n{other[part]!r} in the other"


def _read_sentence(answer: Answer) -> str | None:
    try:
        document = json.loads(answer.body)
    except ValueError:
        return None
    return document["error"] if isinstance(document, dict) and list(document) == ["error"] else None


def _show_status(answer: Answer) -> str:
    return f"{answer.status}, {_cut(answer.body)}"


def _cut(value: object) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + "..."
