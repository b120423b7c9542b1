"""What every kind of model has, and which kind a model is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from captum_explainer.catalogue.catalogue import write_entries
from captum_explainer.catalogue.method import Method
from captum_explainer.kinds.tensor.kind import TensorKind
from captum_explainer.kinds.text.kind import TextKind
from captum_explainer.parameters.parameter import Parameter
from captum_explainer.predictor_client.description import Description
from captum_explainer.settings import Limits


class Kind(Protocol):
    """A kind of model, for one model."""

    def list_methods(self) -> dict[str, Method]:
        """The methods that this model's predictor makes possible, by name."""
        ...

    def list_parameters(self, method: Method) -> dict[str, Parameter]:
        """The parameters that a method takes for this model, by name."""
        ...


def write_catalogue(description: Description, limits: Limits, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The catalogue as the server answers it: the methods that this model's predictor makes possible."""
    kind: Kind = (TensorKind if description.text is None else TextKind)(description, limits, defaults)
    methods = kind.list_methods()
    parameters = {name: kind.list_parameters(method) for name, method in methods.items()}
    return write_entries(methods, parameters, description, limits)
