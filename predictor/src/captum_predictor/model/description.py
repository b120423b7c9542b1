"""`model.json`: what a model directory says of its network, read and checked."""

import difflib
import json
import math
import reprlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import jsonschema

FILE_NAME = "model.json"


class ModelDirectoryError(ValueError):
    """A model directory that cannot be served; one line says which file, what was got and what was expected."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path}: {' '.join(problem.split())}")


@dataclass(frozen=True)
class Normalization:
    """Per-channel mean and standard deviation, in the input's units."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class ModelDescription:
    """The contents of `model.json`; `input_shape` is one instance's, `baseline` is in the units of `input_range`."""

    kind: str
    architecture: str
    architecture_options: dict[str, Any]
    labels: tuple[str, ...]
    input_name: str
    input_shape: tuple[int, ...]
    input_range: tuple[float, float]
    baseline: float
    normalization: Normalization | None


def read_description(directory: Path) -> ModelDescription:
    """Read `directory`'s `model.json` against the schema. Raises `ModelDirectoryError`."""
    path = directory / FILE_NAME
    if not directory.is_dir():
        raise ModelDirectoryError(directory, "not a directory, expected a folder with model.json and model.safetensors")
    return parse_description(path, _read_json(path))


def parse_description(path: Path, document: object) -> ModelDescription:
    """Check a decoded `model.json` and give it typed; `path` is for the messages. Raises `ModelDirectoryError`."""
    fields = _validated(path, document)
    declared = fields["input"]
    low, high = map(float, declared["range"])
    normalization = fields.get("normalization")
    description = ModelDescription(
        kind=fields["kind"],
        architecture=fields["architecture"],
        architecture_options=fields.get("architecture_options", {}),
        labels=tuple(fields["labels"]),
        input_name=declared["name"],
        input_shape=tuple(map(int, declared["shape"])),
        input_range=(low, high),
        baseline=float(declared.get("baseline", min(max(0.0, low), high))),
        normalization=normalization and Normalization(tuple(normalization["mean"]), tuple(normalization["std"])),
    )
    _check_agreement(path, description)
    return description


def _validated(path: Path, document: object) -> dict[str, Any]:
    error = jsonschema.exceptions.best_match(_validator().iter_errors(document))
    if error is not None:
        raise ModelDirectoryError(path, _sentence(error))
    return cast(dict[str, Any], document)


def _check_agreement(path: Path, description: ModelDescription) -> None:
    shape, (low, high) = list(description.input_shape), description.input_range
    if description.kind == "image" and len(shape) != 3:
        raise ModelDirectoryError(path, f"input.shape: got {shape}, expected [channels, height, width] for an image")
    if not low < high:
        raise ModelDirectoryError(path, f"input.range: got [{low:g}, {high:g}], expected the lesser number first")
    if not low <= description.baseline <= high:
        raise ModelDirectoryError(
            path, f"input.baseline: got {description.baseline:g}, expected a number in [{low:g}, {high:g}]"
        )
    if description.normalization is not None:
        for name, values in vars(description.normalization).items():
            if len(values) != shape[0]:
                raise ModelDirectoryError(
                    path, f"normalization.{name}: got {len(values)} numbers, expected one a channel, {shape[0]}"
                )


def _read_json(path: Path) -> object:
    try:
        document: object = json.loads(path.read_bytes(), parse_constant=_number, parse_float=_number, parse_int=_whole)
    except FileNotFoundError:
        raise ModelDirectoryError(path, "the file is missing, expected the model's description as JSON") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ModelDirectoryError(
            path, f"cannot be read ({error}), expected the model's description as JSON"
        ) from error
    return document


def _number(text: str) -> float:
    if not math.isfinite(float(text)):
        raise ValueError(f"got the number {text}, expected a finite one")
    return float(text)


def _whole(text: str) -> int:
    _number(text)
    return int(text)


@cache
def _validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(files("captum_predictor.model").joinpath("model.schema.json").read_text())
    return jsonschema.Draft202012Validator(schema)


_EXPECTED = {
    "enum": "one of {}",
    "exclusiveMinimum": "more than {}",
    "maxItems": "at most {} entries",
    "maximum": "at most {}",
    "minItems": "at least {} entries",
    "minLength": "a string that is not empty",
    "minimum": "at least {}",
    "type": "JSON of type {}",
    "uniqueItems": "every entry only once",
}


def _sentence(error: jsonschema.ValidationError) -> str:
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path).lstrip(".")
    if error.validator == "additionalProperties":
        return _unknown_key(where, error.instance, error.schema["properties"])
    if error.validator == "required":
        missing = next(name for name in error.validator_value if name not in error.instance)
        return f"{where + '.' if where else ''}{missing} is missing, expected the keys {_listed(error.validator_value)}"
    choices = error.validator_value
    expected = _EXPECTED[error.validator].format(_listed(choices) if isinstance(choices, list) else choices)
    return f"{where or 'the document'}: got {reprlib.repr(error.instance)}, expected {expected}"


def _unknown_key(where: str, instance: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    key = next(name for name in instance if name not in known)
    nearest = difflib.get_close_matches(key, known, n=1)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else "."
    return f"{where + ': ' if where else ''}key {key!r} is not known{hint} Known: {_listed(known)}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
