"""What errors say about a bad value: how it is shown, what was expected, and which known name is nearest."""

import difflib
from typing import Any


def shorten(value: object) -> str:
    """A value as an error shows it: at most 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def name_nearest(name: object, known: list[str]) -> str:
    """Say that a name is not known, which one may be meant, and which ones there are."""
    matches = difflib.get_close_matches(str(name)[:100], known, n=1)
    hint = f"; did you mean {matches[0]!r}?" if matches else ";"
    return f"{str(name)[:60]!r} is not known{hint} Known: {', '.join(known)}"


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
