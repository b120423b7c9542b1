"""The parameters that all path methods share."""

from typing import Any

from captum_explainer.parameters.parameter import Parameter, choice, integer

QUADRATURES = ("gausslegendre", "riemann_left", "riemann_right", "riemann_middle", "riemann_trapezoid")

PATH_PARAMETERS: dict[str, Parameter] = {
    "n_steps": integer(50, "points on the path from baseline to input", limit="max_steps"),
    "quadrature": choice(
        "gausslegendre", QUADRATURES, "how the points and their weights are chosen (Captum's `method`)"
    ),
    "internal_batch_size": integer(
        None,
        "the most rows in one forward pass; null: the server chooses, and the answer says how many",
        limit="max_rows",
    ),
}


def translate_path(parameters: dict[str, Any]) -> dict[str, Any]:
    """A request's path parameters as Captum's `attribute` names them."""
    return {
        "n_steps": parameters["n_steps"],
        "internal_batch_size": parameters["internal_batch_size"],
        "method": parameters["quadrature"],
    }
