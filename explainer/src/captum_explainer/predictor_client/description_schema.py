"""What a predictor with the gradient extension must say of its model: the schema of `GET /v2/models/{name}`."""

from __future__ import annotations

from typing import Any

import jsonschema

# The stage that every text model has.
EMBEDDINGS = "embeddings"
NUMBER = {"type": "number"}
SHAPE = {"type": "array", "items": {"type": "integer"}}
# A dot would be a path to PyTorch, whose modules the stages become; the output is named after the last of them.
STAGE_NAME = {"type": "string", "pattern": "^[^.]+$"}
STAGE = {
    "type": "object",
    "required": ["name", "kind", "shape"],
    "properties": {
        "name": STAGE_NAME,
        "kind": {"type": "string"},
        "shape": SHAPE,
        "options": {"type": "object"},
    },
}


def _tensors(name: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "minItems": 1, "prefixItems": [_tensor(name, 2)], "items": _tensor(name, 1)}


def _tensor(name: dict[str, Any], dimensions: int) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["name", "shape"],
        "properties": {"name": name, "shape": {**SHAPE, "minItems": dimensions}},
    }


SCHEMA = {
    "type": "object",
    "required": ["inputs", "outputs", "model_digest"],
    "properties": {
        "inputs": _tensors({"type": "string"}),
        "outputs": _tensors(STAGE_NAME),
        "stages": {"type": "array", "minItems": 1, "items": STAGE},
        "input_range": {"type": "array", "minItems": 2, "maxItems": 2, "items": NUMBER},
        "labels": {"type": "array", "items": {"type": "string"}},
        "baseline": NUMBER,
        "model_digest": {"type": "string", "minLength": 1},
    },
    # A kind is only there where it is another one than a tensor of numbers.
    "if": {"required": ["kind"]},
    "then": {
        "required": ["stages", "task", "labels", "probabilities", "padding_id"],
        "properties": {
            "kind": {"enum": ["text"]},
            "stages": {"minItems": 2, "contains": {"properties": {"name": {"const": EMBEDDINGS}}}},
            "task": {"enum": ["sequence-classification", "token-classification", "question-answering"]},
            "labels": {"minItems": 1},
            "probabilities": {"enum": ["softmax", "sigmoid", "none"]},
            "padding_id": {"type": "integer", "minimum": 0},
        },
    },
}
_validator = jsonschema.Draft202012Validator(SCHEMA)


def mistake(document: dict[str, Any]) -> str | None:
    """The first thing that is wrong with a description, and where; None where it follows the extension."""
    error = next(_validator.iter_errors(document), None)
    if error is not None:
        return f"{'.'.join(map(str, error.absolute_path)) or 'it'}: {error.message[:200]}"
    names = [stage["name"] for stage in document.get("stages", [])]
    twice = next((name for name in names if names.count(name) > 1), None)
    return None if twice is None else f"stages: {twice[:80]!r} is there twice"
