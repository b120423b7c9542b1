"""Models that take one tensor, such as an image."""

from collections.abc import Sequence
from typing import Any

from captum_serving.errors import BadInput
from captum_serving.protocol.json_numbers import read_numbers

from captum_predictor.engine.arrays import Array, to_floats
from captum_predictor.kinds.kind import Allowance, Instances, Kind
from captum_predictor.kinds.probabilities import softmax
from captum_predictor.model.directory import LoadedModel

# Beyond the declared range by this share of its width is rounding.
RANGE_TOLERANCE = 1e-3


class TensorKind(Kind):
    """A model that takes one tensor of one shape, such as an image."""

    large_bytes = 1 << 20

    def __init__(self, model: LoadedModel) -> None:
        self.model = model

    def check_source(self, name: str, source: Array, explanation: bool) -> Array:
        """FP32, finite, and in the declared range unless it is an explanation's. Raises `BadInput`."""
        source = to_floats(source, name)
        if name == self.model.input_name and not explanation:
            self._check_range(source)
        return source

    def read_instances(self, instances: Sequence[object], _allowance: Allowance) -> Instances:
        """Nested numbers `[rows, *input shape]`; a leading dimension of one channel may be left out."""
        array = read_numbers(instances, "instances")
        shape = self.model.input_shape
        if shape[0] == 1 and array.shape[1:] == shape[1:]:
            array = array.reshape(len(array), *shape)
        return Instances(to_floats(array, "instances"), {}, _make_probabilities)

    def describe_model(self) -> dict[str, Any]:
        """The input, its range, and the baseline."""
        model = self.model
        return {
            "inputs": [{"name": model.input_name, "datatype": "FP32", "shape": [-1, *model.input_shape]}],
            "labels": list(model.description.labels),
            "input_range": list(model.description.input.range),
            "baseline": model.description.input.baseline,
        }

    def _check_range(self, array: Array) -> None:
        low, high = self.model.description.input.range
        slack = RANGE_TOLERANCE * (high - low)
        least, most = float(array.min()), float(array.max())
        if least < low - slack or most > high + slack:
            raise BadInput(
                f"{self.model.input_name}: values are {least:g} to {most:g}; expected {low:g} to {high:g}, "
                "the range that the model declares"
            )


def _make_probabilities(value: Array) -> Array:
    return softmax(value) if value.shape[1] > 1 else value  # a model with one output gives that as it is
