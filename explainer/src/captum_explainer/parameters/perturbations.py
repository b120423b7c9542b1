"""The parameter that all methods with perturbed inputs take."""

from captum_explainer.parameters.parameter import Parameter, integer

# Captum's own default is one row for each call; round trips would then take most of the time.
PERTURBATIONS_PER_EVAL: dict[str, Parameter] = {
    "perturbations_per_eval": integer(200, "perturbed inputs in each forward pass", limit="max_rows"),
}
