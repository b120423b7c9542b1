"""Feature ablation.

The score's fall where a segment of the input is replaced by the baseline, [1, *input shape].
"""

from captum.attr import FeatureAblation

from captum_explainer.catalogue.method import About, Method, Passes, Takes
from captum_explainer.parameters.perturbations import PERTURBATIONS_PER_EVAL

METHOD = Method(
    FeatureAblation,
    about=About(
        summary="How much the score falls where one segment of the input after the other is replaced by the baseline.",
        when="What the score needs, by segments: measured, of any model; what another segment stands in "
        "for goes unseen.",
        cost="instances * (1 + ceil(segments / perturbations_per_eval))",
        paper="Captum, https://captum.ai/docs/algorithms#feature-ablation",
    ),
    needs="scores",
    takes=Takes(own=PERTURBATIONS_PER_EVAL, baselines="one", segments=True),
    passes=Passes(one_by_one=True),
)
