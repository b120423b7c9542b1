"""What the predictor says about its model, which decides the methods that are possible."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any

import orjson
from captum_serving.documents import DocumentError, read_document
from captum_serving.errors import BadGateway
from captum_serving.protocol.extension_names import (
    BINARY_TENSOR_DATA,
    GRADIENT_OF_PREDICTED,
    PATH_INTEGRAL,
    VALUES_OF_STAGES,
    VECTOR_JACOBIAN_PRODUCT,
)

from captum_explainer.predictor_client.description_schema import ModelEntry, TextModelEntry

# The kind of a stage that says nothing of what is in it.
OPAQUE = "module"
# The size of a dimension that the number of tokens decides.
ANY = -1


class Access(IntEnum):
    """How much a predictor gives away, from the least; each level has those below it."""

    SCORES = 1
    GRADIENTS = 2
    STRUCTURE = 3


@dataclass(frozen=True)
class Stage:
    """A named step of the model: its kind, one instance's output shape, and the options of its kind."""

    name: str
    kind: str
    shape: tuple[int, ...]
    options: dict[str, Any]


class TextTask(StrEnum):
    """What a text model's head answers."""

    SEQUENCE = "sequence-classification"
    TOKENS = "token-classification"
    ANSWER = "question-answering"


@dataclass(frozen=True)
class TextModel:
    """What a text model's description says beside its stages.

    Attributes:
        task: What its head answers.
        probabilities: What makes them of the logits: `softmax`, `sigmoid`, or `none`.
        extra_inputs: The tensors that the network may take beside a source.
        padding_id: The id of padding.
    """

    task: TextTask
    probabilities: str
    extra_inputs: tuple[str, ...]
    padding_id: int


@dataclass(frozen=True)
class Description:
    """A model as its predictor describes it; of a predictor without our extension only the name is known.

    `predicts` says that it chooses the predicted class's gradient by itself, `gives_values` that one call gives the
    values of several stages, `integrates` that it integrates gradients along a path.
    `text` is there where the model takes texts. Its shapes have -1 where they have a size for each token.
    """

    name: str
    access: Access = Access.SCORES
    input_name: str = "input"
    input_shape: tuple[int, ...] | None = None
    input_range: tuple[float, float] | None = None
    output_name: str = "output"
    output_width: int | None = None
    labels: tuple[str, ...] = ()
    baseline: float = 0.0
    stages: tuple[Stage, ...] = ()
    digest: str | None = None
    binary: bool = False
    predicts: bool = False
    gives_values: bool = False
    integrates: bool = False
    text: TextModel | None = None

    def shape_of(self, name: str) -> tuple[int, ...]:
        """One instance's output shape of a stage; KeyError where there is none of that name."""
        if not self.stages and name == self.output_name and self.output_width is not None:
            return (self.output_width,)
        return {stage.name: stage.shape for stage in self.stages}[name]

    def label(self, index: int) -> str:
        """The label of an output, or its number where the model has no labels."""
        return self.labels[index] if index < len(self.labels) else str(index)


def takes_binary(server: bytes) -> bool:
    """Whether a server's own metadata (`GET /v2`) declares the binary tensor data extension."""
    try:
        return BINARY_TENSOR_DATA in orjson.loads(server)["extensions"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return False


def read_description(name: str, body: bytes) -> Description:
    """Read the answer to `GET /v2/models/{name}`.

    Raises:
        BadGateway: It says that it has our extension and then does not describe the model as the extension demands.
    """
    try:
        document = orjson.loads(body)
        if VECTOR_JACOBIAN_PRODUCT not in document.get("extensions", []):
            # kserve's own servers describe neither inputs nor outputs unless they are told to.
            inputs = document.get("inputs") or [{}]
            return Description(name, input_name=inputs[0].get("name", Description.input_name))
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, IndexError):
        raise BadGateway(f"the predictor's description of {name!r} is not one of the Open Inference Protocol") from None
    try:
        entry = read_document(TextModelEntry if "kind" in document else ModelEntry, body)
    except DocumentError as error:
        raise BadGateway(
            f"the predictor's description of {name!r} is not one of the gradient extension; {error}"
        ) from None
    return _build_description(name, entry, document["extensions"])


def _build_description(name: str, entry: ModelEntry, extensions: Collection[str]) -> Description:
    first_input, first_output = entry.inputs[0], entry.outputs[0]
    outputs = first_output.shape[1:]
    text = _build_text_model(entry) if isinstance(entry, TextModelEntry) else None
    stages = tuple(Stage(stage.name, stage.kind, stage.shape, stage.options) for stage in entry.stages)
    stages = stages or (Stage(first_output.name, OPAQUE, outputs, {}),)
    return Description(
        name=name,
        access=Access.STRUCTURE if any(stage.kind != OPAQUE for stage in stages) else Access.GRADIENTS,
        input_name=first_input.name,
        input_shape=None if text else first_input.shape[1:],
        input_range=entry.input_range,
        output_name=first_output.name,
        output_width=outputs[0] if len(outputs) == 1 else None,
        text=text,
        labels=entry.labels,
        baseline=entry.baseline,
        stages=stages,
        digest=entry.model_digest,
        predicts=GRADIENT_OF_PREDICTED in extensions,
        gives_values=VALUES_OF_STAGES in extensions,
        integrates=PATH_INTEGRAL in extensions,
    )


def _build_text_model(entry: TextModelEntry) -> TextModel:
    return TextModel(
        TextTask(entry.task),
        entry.probabilities,
        tuple(tensor.name for tensor in entry.inputs[1:] if tensor.datatype != "BYTES"),
        entry.padding_id,
    )
