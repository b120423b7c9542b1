"""Which kind a model is, and so its catalogue of methods."""

from collections.abc import Mapping
from typing import Any

from captum_explainer.catalogue.catalogue import write_entries
from captum_explainer.kinds.tensor.kind import TensorKind
from captum_explainer.kinds.text.kind import TextKind
from captum_explainer.predictor_client.description import Description
from captum_explainer.settings import Limits


def write_catalogue(description: Description, limits: Limits, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The catalogue as the server answers it: the methods that this model's predictor makes possible."""
    kind = (TensorKind if description.text is None else TextKind)(description, defaults)
    methods = kind.list_methods()
    parameters = {name: kind.list_parameters(method) for name, method in methods.items()}
    return write_entries(methods, parameters, description, limits)
