"""The parameters of Captum's noise tunnel, which averages a method over noisy inputs: SmoothGrad and its successors."""

from typing import Any

from captum_explainer.parameters.parameter import Parameter
from captum_explainer.predictor_client.description import Description

# SmoothGrad's authors found 10 to 20 % of the input's range best.
NOISE = 0.15
SAMPLES = 20
KINDS = ("smoothgrad", "smoothgrad_sq", "vargrad")

SMOOTH: dict[str, Parameter] = {
    "smooth": Parameter(
        {
            "type": ["object", "null"],
            "additionalProperties": False,
            "properties": {
                "nt_type": {"enum": list(KINDS), "default": KINDS[0]},
                "nt_samples": {"type": "integer", "minimum": 1, "default": SAMPLES},
                "nt_samples_batch_size": {"type": ["integer", "null"], "minimum": 1, "default": None},
                "stdevs": {"type": ["number", "null"], "minimum": 0, "maximum": 1e30, "default": None},
            },
            "default": None,
            "description": "Captum's noise tunnel around the method: mean, mean square or variance over noisy inputs; "
            "`stdevs` in the input's units, null: 15 % of its range (SmoothGrad, https://arxiv.org/abs/1706.03825)",
        },
        property_limits={"nt_samples": "max_samples", "nt_samples_batch_size": "max_rows"},
    )
}


def complete_smooth(given: dict[str, Any], description: Description, most: int) -> dict[str, Any]:
    """Complete a request's `smooth` with the defaults.

    Args:
        given: The request's `smooth`.
        description: The model; the default noise is a share of its declared range.
        most: The most rows of one pass.
    """
    low, high = description.input_range or (0.0, 1.0)
    smooth = {
        name: given.get(name, schema["default"]) for name, schema in SMOOTH["smooth"].schema["properties"].items()
    }
    if smooth["stdevs"] is None:
        smooth["stdevs"] = NOISE * (high - low)
    # Captum takes a float only.
    smooth["stdevs"] = float(smooth["stdevs"])
    smooth["nt_samples_batch_size"] = min(smooth["nt_samples_batch_size"] or most, smooth["nt_samples"], most)
    return smooth
