"""Finds the methods: one a file in `methods/FAMILY/`, by the file's name."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Any

from captum_serving.errors import BadInput
from captum_serving.sentences import name_nearest

from captum_explainer.catalogue.cost_words import put_cost_into_words
from captum_explainer.catalogue.method import Method
from captum_explainer.catalogue.methods import layer, neuron, primary
from captum_explainer.catalogue.shared_parameters import all_parameters
from captum_explainer.parameters.parameter import Parameter
from captum_explainer.predictor_client.description import Access, Description
from captum_explainer.settings import Settings

NEEDS = {
    Access.SCORES: "scores",
    Access.GRADIENTS: "gradients (the V2 gradient extension)",
    Access.STRUCTURE: "the model's structure (the gradient extension with named stages)",
}


@cache
def catalogue() -> dict[str, Method]:
    """All methods by name, in alphabetical order."""
    found = [
        (module.name, f"{family.__name__}.{module.name}")
        for family in (primary, layer, neuron)
        for module in pkgutil.iter_modules(family.__path__)
    ]
    return {name: importlib.import_module(path).METHOD for name, path in sorted(found)}


def find_method(name: object, access: Access) -> Method:
    """The method of that name.

    Raises:
        BadInput: There is none, or it needs more than the predictor gives.
    """
    known = catalogue()
    if not isinstance(name, str) or name not in known:
        raise BadInput(f"method: {name_nearest(name, list(known))}")
    method = known[name]
    if method.access > access:
        possible = ", ".join(other for other in known if known[other].access <= access)
        raise BadInput(
            f"{name} needs {NEEDS[method.access]}, and the predictor gives {NEEDS[access]}; possible: {possible}"
        )
    return method


def as_json(description: Description, settings: Settings) -> dict[str, Any]:
    """The catalogue as the server answers it: what this model's predictor makes possible."""
    known = {name: method for name, method in catalogue().items() if method.access <= description.access}
    parameters = {name: all_parameters(method, description) for name, method in known.items()}
    return entries_as_json(known, parameters, description, settings)


def entries_as_json(
    known: dict[str, Method],
    parameters: dict[str, dict[str, Parameter]],
    description: Description,
    settings: Settings,
) -> dict[str, Any]:
    """Methods and the parameters of each, with the server's limits in them."""
    entries = [
        {
            "name": name,
            "family": method.family,
            "access": method.access.name.lower(),
            "summary": method.summary,
            "when": method.when,
            "cost": put_cost_into_words(method.cost),
            "paper": method.paper,
            "parameters": {key: parameter.bounded(settings) for key, parameter in parameters[name].items()},
        }
        for name, method in known.items()
    ]
    return {"model": description.name, "access": description.access.name.lower(), "methods": entries}
