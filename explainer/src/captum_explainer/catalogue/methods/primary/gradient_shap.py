"""GradientSHAP.

Expected gradients over random points between baselines and the noisy input, [1, *input shape].
"""

from captum.attr import GradientShap

from captum_explainer.catalogue.method import About, Method, Passes, Takes
from captum_explainer.parameters.parameter import integer, number

METHOD = Method(
    GradientShap,
    about=About(
        summary="The expected gradient at random points between baselines and the input: approximate SHAP values.",
        when="SHAP values of a network against several baselines, for the price of a few gradients. They add up "
        "roughly.",
        cost="instances",
        paper="Lundberg and Lee, A Unified Approach to Interpreting Model Predictions, https://arxiv.org/abs/1705.07874",
    ),
    takes=Takes(
        own={
            "n_samples": integer(20, "random points", limit="max_samples"),
            "stdevs": number(0.0, "standard deviation of the noise on the input, in the input's units"),
        },
        baselines="several",
    ),
    passes=Passes(random=True),
    complete=True,
)
