"""What errors say about a bad value: how it is shown, what was expected, and which known name is nearest."""

import difflib
import itertools
import reprlib
from typing import Any


class _Writer(reprlib.Repr):
    """Writes the beginning of a value as `repr` does: of a million entries some, of a thousand levels some."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = self.maxlist = self.maxtuple = self.maxdict = 50
        self.maxstring = self.maxother = self.maxlong = 1000

    def repr_dict(self, x: dict[Any, Any], level: int) -> str:
        """Write a dictionary in its own order."""
        if level <= 0:
            return "{...}"
        pairs = itertools.islice(x.items(), self.maxdict)
        return (
            "{" + ", ".join(f"{self.repr1(key, level - 1)}: {self.repr1(one, level - 1)}" for key, one in pairs) + "}"
        )


_write = _Writer().repr


def shorten(value: object) -> str:
    """A value as an error shows it: at most 60 characters."""
    text = _write(value)
    return text if len(text) <= 60 else text[:57] + "..."


def cut(value: object, most: int) -> str:
    """A string's first characters, or those of another value as Python writes it."""
    return (value if isinstance(value, str) else _write(value))[:most]


def name_nearest(name: object, known: list[str]) -> str:
    """Say that a name is not known, which one may be meant, and which ones there are."""
    matches = difflib.get_close_matches(cut(name, 100), known, n=1)
    hint = f"; did you mean {matches[0]!r}?" if matches else ";"
    return f"{cut(name, 60)!r} is not known{hint} Known: {', '.join(known)}"


def describe_schema(schema: dict[str, Any]) -> str:
    """Say in words which values a JSON schema takes, as in "a whole number of 1 to 5 or null"."""
    if "anyOf" in schema:
        return " or ".join(describe_schema(option) for option in schema["anyOf"])
    if "enum" in schema:
        return "one of " + ", ".join(repr(value) for value in schema["enum"])
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return " or ".join(_describe_kind(kind, schema) for kind in kinds)


def _describe_kind(kind: str, schema: dict[str, Any]) -> str:
    if kind in ("integer", "number"):
        noun = "a whole number" if kind == "integer" else "a number"
        if "minimum" in schema and "maximum" in schema:
            return f"{noun} of {schema['minimum']} to {schema['maximum']}"
        return f"{noun} of {schema['minimum']} or more" if "minimum" in schema else noun
    if kind == "array":
        items = schema.get("items")
        return "a list" if not items else f"a list, each item {describe_schema(items)}"
    return {"boolean": "true or false", "null": "null", "string": "a string", "object": "an object"}[kind]
