"""The parameters of Captum's metrics, which measure how good an explanation is."""

from typing import Any

from captum_explainer.parameters.parameter import Parameter, integer
from captum_explainer.predictor_client.description import Description

METRICS = ("infidelity", "sensitivity")
# Captum's default radius, as a share of the input's range.
RADIUS = 0.02

METRIC_PARAMETERS: dict[str, Parameter] = {
    "metrics": Parameter(
        {
            "type": "array",
            "maxItems": len(METRICS),
            "items": {"enum": list(METRICS)},
            "uniqueItems": True,
            "default": [],
            "description": "what else to measure: `infidelity` (normalized) and maximal `sensitivity`, "
            "under small changes of the input (Yeh et al., https://arxiv.org/abs/1901.09392); lower is better",
        }
    ),
    "perturb_radius": Parameter(
        {
            "type": ["number", "null"],
            "exclusiveMinimum": 0,
            "maximum": 1e30,
            "default": None,
            "description": "size of the metrics' changes: the maximum for sensitivity (uniform changes), the standard "
            "deviation for infidelity (normal changes); in the input's units; null: 2 % of its range",
        }
    ),
    "n_perturb_samples": integer(10, "changed inputs for each metric", limit="max_samples"),
}


def choose_radius(values: dict[str, Any], description: Description) -> float:
    """The request's radius, or the default share of the model's declared range."""
    low, high = description.input_range or (0.0, 1.0)
    given = values["perturb_radius"]
    return RADIUS * (high - low) if given is None else float(given)
