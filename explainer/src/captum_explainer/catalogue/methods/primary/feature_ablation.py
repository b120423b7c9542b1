"""Feature ablation.

How much the score falls when a segment of the input is replaced by the baseline, [1, *input shape].
"""

from captum.attr import FeatureAblation

from captum_explainer.catalogue.method import About, Method, Passes, Takes
from captum_explainer.parameters.perturbations import PERTURBATIONS_PER_EVAL

METHOD = Method(
    FeatureAblation,
    about=About(
        summary="How much the score falls when one segment of the input at a time is replaced by the baseline.",
        when="Measures which segments the score needs, for any model. It misses a segment that another one can stand "
        "in for.",
        cost="instances * (1 + ceil(segments / perturbations_per_eval))",
        paper="Captum, https://captum.ai/docs/algorithms#feature-ablation",
    ),
    needs="scores",
    takes=Takes(own=PERTURBATIONS_PER_EVAL, baselines="one", segments=True),
    passes=Passes(one_by_one=True),
)
