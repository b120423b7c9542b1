"""What a predictor with the gradient extension must say about its model, in its answer to `GET /v2/models/{name}`.

Keys that are not described here are let through: the protocol has some, and a predictor may add its own.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from captum_serving.documents import Document
from captum_serving.protocol.extension_names import EMBEDDINGS
from pydantic import AfterValidator, Field


def _check_stage_name(name: str) -> str:
    # PyTorch would read a dot as a path: the stages become its modules.
    if not name or "." in name:
        raise ValueError("a name without a dot")
    return name


def _check_stages(stages: tuple[StageEntry, ...]) -> tuple[StageEntry, ...]:
    names = [stage.name for stage in stages]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"every name only once, but {twice[:80]!r} is there twice")
    return stages


def _check_embeddings(stages: tuple[StageEntry, ...]) -> tuple[StageEntry, ...]:
    if all(stage.name != EMBEDDINGS for stage in stages):
        raise ValueError(f"a text model's stages, with one called {EMBEDDINGS!r}")
    return stages


def _check_batch(tensors: tuple[TensorEntry, ...]) -> tuple[TensorEntry, ...]:
    if len(tensors[0].shape) < 2:
        raise ValueError("the first to have two dimensions or more, of which the first is the batch")
    return tensors


StageName = Annotated[str, AfterValidator(_check_stage_name)]


class _Entry(Document, extra="ignore"):
    """An object of the answer."""


class TensorEntry(_Entry):
    """A tensor that the model takes."""

    name: str
    datatype: Any = None
    shape: Annotated[tuple[int, ...], Field(min_length=1)]


class OutputEntry(TensorEntry):
    """A tensor that the model answers; the first is named after the last stage."""

    name: StageName


class StageEntry(_Entry):
    """A step of the model."""

    name: StageName
    kind: str
    shape: tuple[int, ...]
    options: dict[str, Any] = Field(default_factory=dict)


class ModelEntry(_Entry):
    """The description of a model that takes numbers."""

    inputs: Annotated[tuple[TensorEntry, ...], Field(min_length=1), AfterValidator(_check_batch)]
    outputs: Annotated[tuple[OutputEntry, ...], Field(min_length=1), AfterValidator(_check_batch)]
    model_digest: Annotated[str, Field(min_length=1)]
    stages: Annotated[tuple[StageEntry, ...], Field(min_length=1), AfterValidator(_check_stages)] = ()
    input_range: tuple[float, float] | None = None
    labels: tuple[str, ...] = ()
    baseline: float = 0.0


class TextModelEntry(ModelEntry):
    """The description of a model that takes texts."""

    kind: Literal["text"]
    stages: Annotated[
        tuple[StageEntry, ...], Field(min_length=2), AfterValidator(_check_stages), AfterValidator(_check_embeddings)
    ]
    labels: Annotated[tuple[str, ...], Field(min_length=1)]
    task: Literal["sequence-classification", "token-classification", "question-answering"]
    probabilities: Literal["softmax", "sigmoid", "none"]
    padding_id: Annotated[int, Field(ge=0)]
