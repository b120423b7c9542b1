"""Finds the methods: each is a file in `methods/FAMILY/` and has the file's name."""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import Any

from captum_serving.errors import BadInput
from captum_serving.sentences import name_nearest

from captum_explainer.catalogue.cost_words import COST_IN_WORDS
from captum_explainer.catalogue.method import Method
from captum_explainer.catalogue.methods import layer, neuron, primary
from captum_explainer.parameters.parameter import Parameter
from captum_explainer.predictor_client.description import Access, Description
from captum_explainer.settings import Limits

NEEDS = {
    Access.SCORES: "scores",
    Access.GRADIENTS: "gradients (the V2 gradient extension)",
    Access.STRUCTURE: "the model's structure (the gradient extension with named stages)",
}


@cache
def catalogue() -> dict[str, Method]:
    """All methods by name, sorted."""
    found = [
        (module.name, f"{family.__name__}.{module.name}")
        for family in (primary, layer, neuron)
        for module in pkgutil.iter_modules(family.__path__)
    ]
    return {name: importlib.import_module(path).METHOD for name, path in sorted(found)}


def find_method(name: object, methods: Mapping[str, Method], description: Description) -> Method:
    """The method with that name among a kind's methods.

    Raises:
        BadInput: There is no such method, or it needs more than the predictor gives or the explainer offers.
    """
    if not isinstance(name, str) or name not in methods:
        raise BadInput(f"method: {name_nearest(name, list(methods))}")
    method = methods[name]
    if method.access > description.usable:
        possible = ", ".join(other for other in methods if methods[other].access <= description.usable)
        given = f"the predictor gives {NEEDS[description.access]}"
        if description.offered < description.access:
            given = f"this explainer offers {NEEDS[description.offered]} (its --max_access)"
        raise BadInput(f"{name} needs {NEEDS[method.access]}, and {given}; possible: {possible}")
    return method


def write_entries(
    known: dict[str, Method],
    parameters: dict[str, dict[str, Parameter]],
    description: Description,
    limits: Limits,
) -> dict[str, Any]:
    """The methods and their parameters, with the server's limits."""
    entries = [
        {
            "name": name,
            "family": method.family,
            "access": method.access.name.lower(),
            "summary": method.about.summary,
            "when": method.about.when,
            "cost": COST_IN_WORDS[method.about.cost],
            "paper": method.about.paper,
            "parameters": {key: parameter.apply_limits(limits) for key, parameter in parameters[name].items()},
        }
        for name, method in known.items()
    ]
    return {"model": description.name, "access": description.usable.name.lower(), "methods": entries}
