"""`model.json`: what a model directory says about its network, read and checked."""

import json
from pathlib import Path
from typing import Annotated, Literal

from captum_serving.documents import Document, DocumentError, read_document
from pydantic import AfterValidator, Field, JsonValue

FILE_NAME = "model.json"


class ModelDirectoryError(ValueError):
    """A model directory that cannot be served; one line says which file, what was got and what was expected."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path}: {' '.join(problem.split())}")


def _check_unique(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(values)) < len(values):
        raise ValueError("every entry only once")
    return values


def _check_finite(options: dict[str, JsonValue]) -> dict[str, JsonValue]:
    try:
        json.dumps(options, allow_nan=False)
    except ValueError:
        raise ValueError("finite numbers") from None
    return options


Name = Annotated[str, Field(min_length=1)]
Size = Annotated[int, Field(ge=1, le=65536)]


class Normalization(Document):
    """Subtracted and divided by inside the model, one number for each channel (the instance's first dimension)."""

    mean: tuple[float, ...]
    std: tuple[Annotated[float, Field(gt=0)], ...]


class Input(Document):
    """The model's input; `shape` is one instance's, without the batch, and `baseline` is in the units of `range`.

    The baseline is the value that stands for nothing: by default 0 if the range contains it, otherwise the nearer end.
    """

    name: Name
    shape: Annotated[tuple[Size, ...], Field(min_length=1, max_length=8)]
    range: tuple[float, float]
    baseline: float = Field(default_factory=lambda given: min(max(0.0, given["range"][0]), given["range"][1]))


class ModelDescription(Document):
    """The contents of `model.json`.

    Attributes:
        kind: `image`, where one instance is [channels, height, width], or `tensor`, of any shape.
        architecture: A shipped network's name, or `module:Name` of the module that --architectures allows.
        architecture_options: Its keyword arguments.
        labels: The classes' names, in the order of the network's outputs.
        input: What the network takes.
        normalization: Done inside the model; None where there is none.
    """

    kind: Literal["image", "tensor"]
    architecture: Name
    architecture_options: Annotated[dict[str, JsonValue], AfterValidator(_check_finite)] = Field(default_factory=dict)
    labels: Annotated[tuple[Name, ...], Field(min_length=1), AfterValidator(_check_unique)]
    input: Input
    normalization: Normalization | None = None


def read_description(directory: Path) -> ModelDescription:
    """Read `directory`'s `model.json`. Raises `ModelDirectoryError`."""
    path = directory / FILE_NAME
    if not directory.is_dir():
        raise ModelDirectoryError(directory, "not a directory, expected a folder with model.json and model.safetensors")
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        raise ModelDirectoryError(path, "the file is missing, expected the model's description as JSON") from None
    except OSError as error:
        problem = f"cannot be read ({error}), expected the model's description as JSON"
        raise ModelDirectoryError(path, problem) from error
    return parse_description(path, text)


def parse_description(path: Path, text: bytes | str) -> ModelDescription:
    """Parse the text of a `model.json`; `path` is for the messages. Raises `ModelDirectoryError`."""
    try:
        description = read_document(ModelDescription, text)
    except DocumentError as error:
        raise ModelDirectoryError(path, str(error)) from None
    _check_agreement(path, description)
    return description


def _check_agreement(path: Path, description: ModelDescription) -> None:
    shape, (low, high), baseline = list(description.input.shape), description.input.range, description.input.baseline
    if description.kind == "image" and len(shape) != 3:
        raise ModelDirectoryError(path, f"input.shape: got {shape}, expected [channels, height, width] for an image")
    if not low < high:
        raise ModelDirectoryError(path, f"input.range: got [{low:g}, {high:g}], expected the lesser number first")
    if not low <= baseline <= high:
        raise ModelDirectoryError(path, f"input.baseline: got {baseline:g}, expected a number in [{low:g}, {high:g}]")
    if description.normalization is not None:
        for name, values in description.normalization:
            if len(values) != shape[0]:
                raise ModelDirectoryError(
                    path, f"normalization.{name}: got {len(values)} numbers, expected one a channel, {shape[0]}"
                )
