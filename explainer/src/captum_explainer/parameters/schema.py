"""Whether a value fits a parameter's JSON schema.

A validator for all of JSON Schema writes the value into each of its errors, also into those of alternatives that it
passes over. Of a million entries that takes seconds, and of a thousand levels it fails.
"""

from typing import Any

# JSON Schema takes 5.0 for an integer, Captum does not. The parser turns integers of more than 64 bits into floats.
KINDS = {
    "null": (type(None),),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
    "array": (list,),
    "object": (dict,),
}


def fits_schema(value: Any, schema: dict[str, Any]) -> bool:  # noqa: ANN401 - JSON
    """Whether a value fits a schema that has only the keywords of our parameters."""
    if "anyOf" in schema:
        return any(fits_schema(value, option) for option in schema["anyOf"])
    if "enum" in schema:
        return isinstance(value, str) and value in schema["enum"]
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if not any(type(value) in KINDS[kind] for kind in kinds):
        return False
    if isinstance(value, list):
        return _fits_list(value, schema)
    if isinstance(value, str):
        return bool(len(value) <= schema.get("maxLength", len(value)))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return True
    above = "exclusiveMinimum" not in schema or value > schema["exclusiveMinimum"]
    return bool(above and schema.get("minimum", value) <= value <= schema.get("maximum", value))


def _fits_list(value: list[Any], schema: dict[str, Any]) -> bool:
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        return False
    items = schema.get("items")
    if items is not None and not all(fits_schema(item, items) for item in value):
        return False
    return not schema.get("uniqueItems") or len(set(value)) == len(value)
