"""Feature permutation.

How much the score falls when a segment comes from another instance, [rows, *input shape].
"""

from captum.attr import FeaturePermutation

from captum_explainer.catalogue.method import About, Method, Passes, Takes
from captum_explainer.parameters.perturbations import PERTURBATIONS_PER_EVAL

METHOD = Method(
    FeaturePermutation,
    about=About(
        summary="How much the score falls when one segment at a time is swapped among the request's instances.",
        when="What the model relies on, measured over instances with the same layout, without a baseline. It needs at "
        "least two instances, and the answer for one depends on the others.",
        cost="1 + ceil(segments / perturbations_per_eval)",
        paper="Fisher et al., All Models are Wrong, but Many are Useful, https://arxiv.org/abs/1801.01489",
    ),
    needs="scores",
    takes=Takes(own=PERTURBATIONS_PER_EVAL, segments=True, segmentation="grid"),
    passes=Passes(random=True, across=True),
)
