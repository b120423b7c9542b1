"""Describes and validates one parameter of the request, and builds the error for a bad value."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from captum_serving.errors import BadInput
from captum_serving.sentences import describe_schema, shorten

from captum_explainer.parameters.schema import fits_schema
from captum_explainer.settings import Limits

# Of an index or a size with one number for each dimension.
MOST_DIMENSIONS = 16


@dataclass(frozen=True)
class Parameter:
    """A parameter's schema (with its `default`, where it has one, and a `description`).

    `limit` names the server's limit that is its maximum; `property_limits` names those of an object's properties, and
    `items_limit` that of a list's length.
    """

    schema: dict[str, Any]
    limit: str | None = None
    property_limits: dict[str, str] = field(default_factory=dict)
    items_limit: str | None = None

    @property
    def is_number(self) -> bool:
        """Whether it is a number that need not be whole."""
        kind = self.schema.get("type")
        return "number" in (kind if isinstance(kind, list) else [kind])

    def apply_limits(self, limits: Limits) -> dict[str, Any]:
        """The schema with this server's limits as maxima."""
        if self.property_limits:
            properties = {key: self._property(key).apply_limits(limits) for key in self.schema["properties"]}
            return {**self.schema, "properties": properties}
        if self.items_limit is not None:
            most = {"maxItems": getattr(limits, self.items_limit)}
            options = [option | most if option["type"] == "array" else option for option in self.schema["anyOf"]]
            return {**self.schema, "anyOf": options}
        return self.schema if self.limit is None else {**self.schema, "maximum": getattr(limits, self.limit)}

    def fits(self, value: object, limits: Limits) -> bool:
        """Whether `check` accepts a value."""
        try:
            self.check("", value, limits)
        except BadInput:
            return False
        return True

    def check(self, name: str, value: object, limits: Limits) -> None:
        """Validate a value.

        Raises:
            BadInput: It does not fit. The sentence says what was got, what was expected, and which limit it exceeds.
        """
        if isinstance(value, dict) and "properties" in self.schema:
            for key, part in value.items():
                if key not in self.schema["properties"]:
                    known = ", ".join(self.schema["properties"])
                    raise BadInput(f"{name} has the key {shorten(key)}; expected some of {known}")
                self._property(key).check(f"{name}.{key}", part, limits)
            return
        if isinstance(value, list) and len(value) > (most := self._count_most_items(limits)):
            raise BadInput(f"{name} has {len(value)} entries; expected at most {most}")
        over = self.limit is not None and type(value) in (int, float) and value > getattr(limits, self.limit)
        if over or not fits_schema(value, self.schema):
            limit = f" (the server's limit, --{self.limit})" if over else ""
            raise BadInput(f"{name} is {shorten(value)}; expected {describe_schema(self.apply_limits(limits))}{limit}")

    def _count_most_items(self, limits: Limits) -> float:
        options = self.apply_limits(limits).get("anyOf", [self.schema])
        return max(
            (option.get("maxItems", math.inf) for option in options if option.get("type") == "array"), default=math.inf
        )

    def _property(self, key: str) -> Parameter:
        return Parameter(self.schema["properties"][key], self.property_limits.get(key))


def integer(default: int | None, description: str, minimum: int = 1, limit: str | None = None) -> Parameter:
    """A whole number from `minimum` up to the server's limit named `limit`; it is nullable if the default is None."""
    kind: Any = "integer" if default is not None else ["integer", "null"]
    return Parameter({"type": kind, "minimum": minimum, "default": default, "description": description}, limit)


def number(default: float, description: str, minimum: float = 0.0) -> Parameter:
    """A number of `minimum` or more."""
    return Parameter({"type": "number", "minimum": minimum, "default": default, "description": description})


def finite(default: float, description: str) -> Parameter:
    """Any number that fits float32."""
    schema = {"type": "number", "minimum": -1e38, "maximum": 1e38, "default": default, "description": description}
    return Parameter(schema)


def choice(default: str, values: tuple[str, ...], description: str) -> Parameter:
    """One of several strings."""
    return Parameter({"enum": list(values), "default": default, "description": description})


def flag(default: bool, description: str) -> Parameter:
    """True or false."""
    return Parameter({"type": "boolean", "default": default, "description": description})
