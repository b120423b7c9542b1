"""The parameters that methods share which call the model on perturbed inputs."""

from __future__ import annotations

from captum_explainer.parameters.parameter import Parameter, integer

# Rows of perturbed inputs a call: Captum's own default is one, and then the round trips are most of the time.
PERTURBATIONS_PER_EVAL: dict[str, Parameter] = {
    "perturbations_per_eval": integer(200, "perturbed inputs a forward pass", limit="max_rows"),
}
