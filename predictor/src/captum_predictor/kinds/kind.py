"""What every kind of model offers: tensors in `tensor.py`, texts in `text/kind.py`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from captum_predictor.engine.arrays import Array
from captum_predictor.graph.chain import Model


@dataclass(frozen=True)
class Instances:
    """V1's instances as the model's input; `make_predictions` turns the last stage's value into V1's predictions."""

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
    """What differs between kinds of models when a request is read."""

    extra_inputs: tuple[str, ...]
    """The tensors that a request may send with a source."""
    large_bytes: int
    """A larger request takes milliseconds to read, and is read in a thread."""

    @property
    def model(self) -> Model:
        """The model that is served."""

    @property
    def texts(self) -> TextReader | None:
        """Reads texts, which may be sent instead of a source; None where the model takes none."""

    def check_source(self, name: str, source: Array, explanation: bool) -> Array:
        """The source in the dtype that its stage takes. Raises `BadInput`."""

    def check_extra_inputs(self, tensors: Mapping[str, Array], rows: tuple[int, ...]) -> Mapping[str, Array]:
        """A request's extra inputs, for a source of these rows (and tokens). Raises `BadInput`."""

    def read_instances(self, instances: Sequence[object]) -> Instances:
        """V1's instances, one or more. Raises `BadInput`, `TooLarge`."""

    def metadata(self) -> dict[str, Any]:
        """The part of `GET /v2/models/{name}` that differs between kinds."""
