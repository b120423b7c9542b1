"""The parameters that all path methods share."""

from __future__ import annotations

from typing import Any

from captum_explainer.parameters.parameter import Parameter, choice, integer

QUADRATURES = ("gausslegendre", "riemann_left", "riemann_right", "riemann_middle", "riemann_trapezoid")

PATH_PARAMETERS: dict[str, Parameter] = {
    "n_steps": integer(50, "points of the path from baseline to input", limit="max_steps"),
    "quadrature": choice(
        "gausslegendre", QUADRATURES, "how the points and their weights are chosen (Captum's `method`)"
    ),
    "internal_batch_size": integer(
        None, "rows a forward pass, at most; null lets the server choose, and the answer tells", limit="max_rows"
    ),
}

AUTO = "auto"
# Doubled from 12 an image of Fashion-MNIST takes 39 rows, from 8 at least 44 and from 16 at least 42; one of MNIST 12.
# And a call of 12 rows has the same bits on any number of threads.
FIRST_STEPS = 12
# Of a method whose attributions add up: the others have no convergence delta to go by.
AUTO_PATH_PARAMETERS = PATH_PARAMETERS | {
    "n_steps": Parameter(
        {
            "anyOf": [{"type": "integer", "minimum": 1}, {"const": AUTO}],
            "default": 50,
            "description": f"points of the path from baseline to input; {AUTO!r}: for each instance the fewest of "
            f"{FIRST_STEPS}, {2 * FIRST_STEPS}, {4 * FIRST_STEPS} ... whose convergence delta is within `tolerance`",
        },
        limit="max_steps",
    )
}


def numbers_of_steps(max_steps: int) -> list[int]:
    """What "auto" tries, one after the other: each twice the last one, and at the end the server's limit."""
    numbers = [FIRST_STEPS]
    while numbers[-1] < max_steps:
        numbers.append(2 * numbers[-1])
    return [*numbers[:-1], max_steps]


def path_arguments(parameters: dict[str, Any]) -> dict[str, Any]:
    """A request's path parameters as Captum's `attribute` names them."""
    return {
        "n_steps": parameters["n_steps"],
        "internal_batch_size": parameters["internal_batch_size"],
        "method": parameters["quadrature"],
    }
