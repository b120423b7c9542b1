"""Feature ablation of a neuron.

How much the neuron falls when a segment of the input is replaced by the baseline, [1, *input shape].
"""

from captum.attr import NeuronFeatureAblation

from captum_explainer.catalogue.method import About, Method, Passes, Takes
from captum_explainer.parameters.perturbations import PERTURBATIONS_PER_EVAL

METHOD = Method(
    NeuronFeatureAblation,
    about=About(
        summary="How much one neuron of a layer falls when one segment of the input at a time is replaced by the "
        "baseline.",
        when="Measures which segments of the input a neuron needs.",
        cost="instances * (1 + ceil(segments / perturbations_per_eval))",
        paper="Captum, https://captum.ai/docs/algorithms#feature-ablation",
    ),
    needs="structure",
    family="neuron",
    takes=Takes(own=PERTURBATIONS_PER_EVAL, baselines="one", target=False, segments=True),
    passes=Passes(one_by_one=True),
)
