"""What each kind of model makes of a request: of tensors in `tensor.py`, of texts in `text/kind.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from captum_predictor.engine.arrays import Array
from captum_predictor.graph.chain import Chained


class ServedModel(Chained, Protocol):
    """What every kind of model has."""

    @property
    def digest(self) -> str:
        """Tells two versions apart."""


@dataclass(frozen=True)
class Instances:
    """V1's instances: the input, what stands beside it, and what makes predictions of the last stage's value."""

    source: Array
    extra_inputs: Mapping[str, Array]
    make_predictions: Callable[[Array], object]


class TextReader(Protocol):
    """Turns texts into the tensors of their tokens."""

    @property
    def names(self) -> tuple[str, ...]:
        """The tensors of strings that hold the texts."""

    def read(self, tensors: Mapping[str, Array], sink: str | None) -> Mapping[str, Array]:
        """The tokens of a request's texts, as tensors; the sink's comes first. Raises `BadInput`, `TooLarge`."""


class Kind(Protocol):
    """The part of a request's way that depends on the model's kind."""

    extra_inputs: tuple[str, ...]
    """The tensors that may stand beside a source."""
    large_bytes: int
    """Reading more than this takes milliseconds, and is done off the event loop."""

    @property
    def model(self) -> ServedModel:
        """The model that is served."""

    @property
    def texts(self) -> TextReader | None:
        """Reads texts, which may be sent instead of a source; None where the model takes none."""

    def check_source(self, name: str, source: Array, explanation: bool) -> Array:
        """The source in the dtype that its stage takes. Raises `BadInput`."""

    def check_extra_inputs(self, tensors: Mapping[str, Array], rows: tuple[int, ...]) -> Mapping[str, Array]:
        """Those of a request's tensors that stand beside a source of these rows (and tokens). Raises `BadInput`."""

    def read_instances(self, instances: Sequence[object]) -> Instances:
        """V1's instances, one or more. Raises `BadInput`, `TooLarge`."""

    def metadata(self) -> dict[str, Any]:
        """What `GET /v2/models/{name}` says, without what it says of every model."""
