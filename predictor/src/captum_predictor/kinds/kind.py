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


def wait_on() -> None:
    """Nobody can hang up."""


@dataclass(frozen=True)
class Allowance:
    """What reading one request may take.

    Attributes:
        characters: The most in all of its texts together.
        check_wanted: Called now and then; raises once nobody waits for the answer any more.
    """

    characters: int
    check_wanted: Callable[[], None] = wait_on


class Kind(Protocol):
    """What differs between kinds of models when a request is read; by default no texts and no extra inputs are taken.

    Attributes:
        model: The model that is served.
        large_bytes: A larger request takes milliseconds to read, and is read in a thread.
        extra_inputs: The tensors that a request may send with a source.
        text_inputs: The tensors of strings that a request may send instead of a source.
    """

    model: Model
    large_bytes: int
    extra_inputs: tuple[str, ...] = ()
    text_inputs: tuple[str, ...] = ()

    def check_source(self, name: str, source: Array, explanation: bool) -> Array:
        """Convert a source to the dtype that its stage takes. Raises `BadInput`."""

    def check_extra_inputs(self, tensors: Mapping[str, Array], rows: tuple[int, ...]) -> Mapping[str, Array]:
        """Check a request's extra inputs, for a source of these rows (and tokens). Raises `BadInput`."""
        return {}

    def read_texts(self, tensors: Mapping[str, Array], sink: str | None, allowance: Allowance) -> Mapping[str, Array]:
        """Read texts into the tensors of their tokens; the sink's comes first. Raises `BadInput`, `TooLarge`."""
        return {}

    def read_instances(self, instances: Sequence[object], allowance: Allowance) -> Instances:
        """Read V1's instances, one or more. Raises `BadInput`, `TooLarge`."""

    def describe_model(self) -> dict[str, Any]:
        """Make the part of `GET /v2/models/{name}` that differs between kinds."""
