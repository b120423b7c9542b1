"""Reads a predictor's answer to `GET /v2/models/{name}`, and what the gradient extension demands of it.

Keys that are not described here are ignored: the protocol has some, and a predictor may add its own.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from captum_serving.documents import Document, DocumentError, read_document
from captum_serving.errors import BadGateway, BadInput, TooLarge
from captum_serving.protocol.extension_names import (
    BINARY_TENSOR_DATA,
    EMBEDDINGS,
    GRADIENT_OF_PREDICTED,
    PATH_INTEGRAL,
    VALUES_OF_STAGES,
    VECTOR_JACOBIAN_PRODUCT,
)
from captum_serving.protocol.json_body import parse_json
from pydantic import AfterValidator, Field

from captum_explainer.predictor_client.description import (
    OPAQUE,
    UNLIMITED,
    Access,
    Description,
    Stage,
    StageName,
    TextModel,
)


def _check_stages(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    names = [stage.name for stage in stages]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"every name only once, but {twice[:80]!r} is there twice")
    return stages


def _check_embeddings(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    if all(stage.name != EMBEDDINGS for stage in stages):
        raise ValueError(f"a text model's stages, with one called {EMBEDDINGS!r}")
    return stages


def _check_batch(tensors: tuple[TensorEntry, ...]) -> tuple[TensorEntry, ...]:
    if len(tensors[0].shape) < 2:
        raise ValueError("the first to have two dimensions or more, of which the first is the batch")
    return tensors


class TensorEntry(Document, extra="ignore"):
    """A tensor that the model takes."""

    name: str
    datatype: Any = None
    shape: Annotated[tuple[int, ...], Field(min_length=1)]


class OutputEntry(TensorEntry):
    """A tensor that the model answers; the first is named after the last stage."""

    name: StageName


class ModelEntry(Document, extra="ignore"):
    """The description of a model that takes numbers."""

    inputs: Annotated[tuple[TensorEntry, ...], Field(min_length=1), AfterValidator(_check_batch)]
    outputs: Annotated[tuple[OutputEntry, ...], Field(min_length=1), AfterValidator(_check_batch)]
    model_digest: Annotated[str, Field(min_length=1)]
    stages: Annotated[tuple[Stage, ...], Field(min_length=1), AfterValidator(_check_stages)] = ()
    input_range: tuple[float, float] | None = None
    labels: tuple[str, ...] = ()
    baseline: float = 0.0
    max_rows: Annotated[int, Field(ge=1)] = UNLIMITED
    max_body_bytes: Annotated[int, Field(ge=1)] = UNLIMITED


class TextModelEntry(TextModel, ModelEntry):
    """The description of a model that takes texts."""

    kind: Literal["text"]
    stages: Annotated[
        tuple[Stage, ...], Field(min_length=2), AfterValidator(_check_stages), AfterValidator(_check_embeddings)
    ]
    labels: Annotated[tuple[str, ...], Field(min_length=1)]


def takes_binary(server: bytes) -> bool:
    """Whether a server's own metadata (`GET /v2`) declares the binary tensor data extension."""
    try:
        return BINARY_TENSOR_DATA in parse_json(server)["extensions"]
    except (BadInput, TooLarge, KeyError, TypeError):
        return False


def read_description(name: str, body: bytes) -> Description:
    """Read the answer to `GET /v2/models/{name}`.

    Raises:
        BadGateway: It says that it has our extension and then does not describe the model as the extension demands.
    """
    try:
        document = parse_json(body)
        extensions = document.get("extensions", [])
        if VECTOR_JACOBIAN_PRODUCT not in extensions:
            # kserve's own servers describe neither inputs nor outputs unless they are told to.
            inputs = document.get("inputs") or [{}]
            return Description(name, input_name=inputs[0].get("name", Description.input_name))
    except (BadInput, TooLarge, AttributeError, KeyError, TypeError, IndexError):
        raise BadGateway(f"the predictor's description of {name!r} is not one of the Open Inference Protocol") from None
    try:
        entry = read_document(TextModelEntry if "kind" in document else ModelEntry, body)
    except DocumentError as error:
        raise BadGateway(
            f"the predictor's description of {name!r} is not one of the gradient extension; {error}"
        ) from None
    text = entry if isinstance(entry, TextModelEntry) else None
    input_name, output_name, output_shape = entry.inputs[0].name, entry.outputs[0].name, entry.outputs[0].shape[1:]
    stages = entry.stages or (Stage(name=output_name, kind=OPAQUE, shape=output_shape),)
    return Description(
        name=name,
        access=Access.STRUCTURE if any(stage.kind != OPAQUE for stage in stages) else Access.GRADIENTS,
        input_name=input_name,
        input_shape=None if text else entry.inputs[0].shape[1:],
        input_range=entry.input_range,
        output_name=output_name,
        output_width=output_shape[0] if len(output_shape) == 1 else None,
        labels=entry.labels,
        baseline=entry.baseline,
        stages=stages,
        digest=entry.model_digest,
        predicts=GRADIENT_OF_PREDICTED in extensions,
        gives_values=VALUES_OF_STAGES in extensions,
        integrates=PATH_INTEGRAL in extensions,
        max_rows=entry.max_rows,
        max_body_bytes=entry.max_body_bytes,
        text=text,
        extra_inputs=tuple(tensor.name for tensor in entry.inputs[1:] if text and tensor.datatype != "BYTES"),
    )
