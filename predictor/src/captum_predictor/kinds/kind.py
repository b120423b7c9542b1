"""What each kind of model makes of a request: of tensors here, of texts in `text/front.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from captum_serving.errors import BadInput
from captum_serving.protocol import wire

from captum_predictor.engine.arrays import finite
from captum_predictor.engine.engine import NOTHING, Array
from captum_predictor.graph.chain import Chained
from captum_predictor.model.directory import LoadedModel

# Beyond the declared range by this share of its width is rounding.
RANGE_TOLERANCE = 1e-3


class ServedModel(Chained, Protocol):
    """What every kind of model has."""

    @property
    def digest(self) -> str:
        """Tells two versions apart."""


@dataclass(frozen=True)
class Instances:
    """V1's instances: the input, what stands beside it, and what makes predictions of the last stage's value."""

    source: Array
    beside: Mapping[str, Array]
    predictions: Callable[[Array], object]


class Front(Protocol):
    """The part of a request's way that depends on the model's kind."""

    beside: tuple[str, ...]
    """The tensors that may stand beside a source."""
    texts: tuple[str, ...]
    """The tensors of strings that are taken instead of a source; none where the model takes no text."""
    large_bytes: int
    """Reading more than this takes milliseconds, and is done off the event loop."""

    @property
    def model(self) -> ServedModel:
        """The model that is served."""

    def check_source(self, name: str, source: Array, explanation: bool) -> Array:
        """The source in the dtype that its stage takes. Raises `BadInput`."""

    def check_beside(self, tensors: Mapping[str, Array], rows: tuple[int, ...]) -> Mapping[str, Array]:
        """Those of a request's tensors that stand beside a source of these rows (and tokens). Raises `BadInput`."""

    def read_texts(self, tensors: Mapping[str, Array], sink: str | None) -> Mapping[str, Array]:
        """What a request's texts are, as tensors; the sink's comes first. Raises `BadInput`, `TooLarge`."""

    def read_instances(self, instances: Sequence[object]) -> Instances:
        """V1's instances, one or more. Raises `BadInput`, `TooLarge`."""

    def metadata(self) -> dict[str, Any]:
        """What `GET /v2/models/{name}` says, without what it says of every model."""


class TensorFront:
    """The front of a model that takes one tensor, of one shape: an image's."""

    beside: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    large_bytes = 1 << 20

    def __init__(self, model: LoadedModel) -> None:
        self.model = model

    def check_source(self, name: str, source: Array, explanation: bool) -> Array:
        """FP32, finite, and in the declared range unless it is an explanation's. Raises `BadInput`."""
        source = floats(source, name)
        if name == self.model.input_name and not explanation:
            self._check_range(source)
        return source

    def check_beside(self, _tensors: Mapping[str, Array], _rows: tuple[int, ...]) -> Mapping[str, Array]:
        """Nothing."""
        return NOTHING

    def read_texts(self, _tensors: Mapping[str, Array], _sink: str | None) -> Mapping[str, Array]:
        """Not called: there are no `texts`."""
        raise NotImplementedError

    def read_instances(self, instances: Sequence[object]) -> Instances:
        """Nested numbers `[rows, *input shape]`; a leading dimension of one channel may be left out."""
        array = wire.numbers(instances, "instances")
        shape = self.model.input_shape
        if shape[0] == 1 and array.shape[1:] == shape[1:]:
            array = array.reshape(len(array), *shape)
        return Instances(floats(array, "instances"), NOTHING, _probabilities)

    def metadata(self) -> dict[str, Any]:
        """The input, its range, and the baseline."""
        model = self.model
        return {
            "inputs": [{"name": model.input_name, "datatype": "FP32", "shape": [-1, *model.input_shape]}],
            "labels": list(model.labels),
            "input_range": list(model.input_range),
            "baseline": model.baseline,
        }

    def _check_range(self, array: Array) -> None:
        low, high = self.model.input_range
        slack = RANGE_TOLERANCE * (high - low)
        least, most = float(array.min()), float(array.max())
        if least < low - slack or most > high + slack:
            raise BadInput(
                f"{self.model.input_name}: values are {least:g} to {most:g}; expected {low:g} to {high:g}, "
                "the range that the model declares"
            )


def _probabilities(value: Array) -> Array:
    return softmax(value) if value.shape[1] > 1 else value  # a model with one output gives that as it is


def floats(array: Array, name: str) -> Array:
    """The array as FP32.

    Raises:
        BadInput: It holds strings, NaN, infinity, or a number too large for FP32.
    """
    refuse_strings(array, name)
    if array.dtype != np.float32:
        with np.errstate(over="ignore"):
            array = array.astype(np.float32)
    if not finite(array):
        raise BadInput(f"{name}: holds NaN, infinity or a number too large for FP32; expected finite numbers")
    return array


def refuse_strings(array: Array, name: str) -> None:
    """Raise `BadInput` where there are strings instead of numbers."""
    if array.dtype.kind == "O":
        raise BadInput(f"{name}: the datatype is BYTES; expected numbers")


def softmax(logits: Array) -> Array:
    """Probabilities over the last axis, computed in double precision and rounded to single."""
    exponentials = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    probabilities: Array = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return probabilities.astype(np.float32)
