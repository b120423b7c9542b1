"""What the predictor says about its model, which decides the methods that are possible."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Annotated, Any, Literal

from captum_serving.documents import Document
from pydantic import AfterValidator, Field

from captum_explainer.predictor_client.exchange import Array

# The kind of a stage whose operation the predictor does not name.
OPAQUE = "module"
# Stands for the number of tokens in a shape.
ANY = -1
UNLIMITED = 2**62


class Access(IntEnum):
    """How much a predictor gives away, from the least; each level has those below it."""

    SCORES = 1
    GRADIENTS = 2
    STRUCTURE = 3


def _check_stage_name(name: str) -> str:
    # PyTorch would read a dot as a path: the stages become its modules.
    if not name or "." in name:
        raise ValueError("a name without a dot")
    return name


StageName = Annotated[str, AfterValidator(_check_stage_name)]


class Stage(Document, extra="ignore"):
    """A named step of the model: its kind, one instance's output shape, and the options of its kind."""

    name: StageName
    kind: str
    shape: tuple[int, ...]
    options: dict[str, Any] = Field(default_factory=dict)


class TextTask(StrEnum):
    """What a text model's head answers."""

    SEQUENCE = "sequence-classification"
    TOKENS = "token-classification"
    ANSWER = "question-answering"


class TextModel(Document, extra="ignore"):
    """What a text model's description says beside its stages.

    Attributes:
        task: What its head answers.
        probabilities: How its logits become probabilities.
        padding_id: The id of padding.
    """

    task: TextTask
    probabilities: Literal["softmax", "sigmoid", "none"]
    padding_id: Annotated[int, Field(ge=0)]


@dataclass(frozen=True)
class Description:
    """A model as its predictor describes it; for a predictor without our extension, only the name is known.

    Attributes:
        binary: A predictor without our extension takes binary tensors.
        predicts: The predictor can choose the cotangent for the predicted class itself.
        gives_values: One call can give the values of several stages.
        integrates: The predictor can integrate gradients along a path.
        max_rows: The most rows of one call, points of paths among them.
        max_body_bytes: The most bytes of one call's body, and of its answer's tensors.
        text: None unless the model takes texts; then shapes contain -1 for the number of tokens.
        extra_inputs: The tensors that a text model's network may take beside a source.
        offered: How much of it the explainer's methods may use, at most.
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
    max_rows: int = UNLIMITED
    max_body_bytes: int = UNLIMITED
    text: TextModel | None = None
    extra_inputs: tuple[str, ...] = ()
    offered: Access = Access.STRUCTURE

    @property
    def usable(self) -> Access:
        """How much the methods may use: what the predictor gives, as far as the explainer offers it."""
        return min(self.access, self.offered)

    @property
    def task(self) -> TextTask:
        """What the model answers to a text; a foreign one's scores are for the whole text."""
        return TextTask.SEQUENCE if self.text is None else self.text.task

    def find_shape(self, name: str) -> tuple[int, ...]:
        """The output shape of the stage with this name, for one instance; KeyError if there is none."""
        return {stage.name: stage.shape for stage in self.stages}[name]

    def find_row_shape(self, name: str, rows: Array) -> tuple[int, ...]:
        """The stage's output shape for one of these rows, which say how many tokens there are in a text."""
        return tuple(rows.shape[1] if size == ANY else size for size in self.find_shape(name))

    def find_label(self, index: int) -> str:
        """The label of an output, or its number if it has no label."""
        return self.labels[index] if index < len(self.labels) else str(index)
