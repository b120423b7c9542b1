"""The parameters of LIME's linear model."""

from captum_explainer.parameters.parameter import Parameter, choice

# The linear models, and the default strength of their penalties.
SURROGATES = {"lasso": 0.01, "ridge": 1.0}

SURROGATE_PARAMETERS: dict[str, Parameter] = {
    "surrogate": choice(
        "lasso",
        tuple(SURROGATES),
        "the linear model: Captum's sparse one, or the lime package's with its kernel, which keeps all segments",
    ),
    "alpha": Parameter(
        {
            "type": ["number", "null"],
            "minimum": 0.0,
            "default": None,
            "description": "strength of the penalty; null: 0.01 for the lasso (in the score's units), 1 for the ridge",
        }
    ),
}
