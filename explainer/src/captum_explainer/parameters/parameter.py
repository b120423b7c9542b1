"""Describes and validates one parameter of the request, and builds the error for a bad value."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jsonschema
from captum_serving.errors import BadInput
from captum_serving.sentences import describe_schema, shorten

from captum_explainer.settings import Limits

# JSON Schema takes 5.0 for an integer, Captum does not. The parser turns integers of more than 64 bits into floats.
Validator = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int),
)


@dataclass(frozen=True)
class Parameter:
    """A parameter's schema (with its `default`, where it has one, and a `description`).

    `limit` names the server's limit that is its maximum; `property_limits` names those of an object's properties.
    """

    schema: dict[str, Any]
    limit: str | None = None
    property_limits: dict[str, str] = field(default_factory=dict)

    def apply_limits(self, limits: Limits) -> dict[str, Any]:
        """The schema with this server's limits as maxima."""
        if self.property_limits:
            properties = {key: self._property(key).apply_limits(limits) for key in self.schema["properties"]}
            return {**self.schema, "properties": properties}
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
        over = self.limit is not None and type(value) in (int, float) and value > getattr(limits, self.limit)
        if over or not self._validator.is_valid(value):
            limit = f" (the server's limit, --{self.limit})" if over else ""
            raise BadInput(f"{name} is {shorten(value)}; expected {describe_schema(self.apply_limits(limits))}{limit}")

    def _property(self, key: str) -> Parameter:
        return Parameter(self.schema["properties"][key], self.property_limits.get(key))

    @cached_property
    def _validator(self) -> jsonschema.protocols.Validator:
        return Validator(self.schema)


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
