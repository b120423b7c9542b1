"""Feature ablation of a neuron.

The neuron's fall where a segment of the input is replaced by the baseline, [1, *input shape].
"""

from captum.attr import NeuronFeatureAblation

from captum_explainer.catalogue.method import About, Method, Passes, Takes
from captum_explainer.parameters.perturbations import PERTURBATIONS_PER_EVAL

METHOD = Method(
    NeuronFeatureAblation,
    about=About(
        summary="How much one neuron of a layer falls where one segment of the input after the other is replaced.",
        when="What a neuron needs of the input, measured and not derived.",
        cost="instances * (1 + ceil(segments / perturbations_per_eval))",
        paper="Captum, https://captum.ai/docs/algorithms#feature-ablation",
    ),
    needs="structure",
    family="neuron",
    takes=Takes(own=PERTURBATIONS_PER_EVAL, baselines="one", target=False, segments=True),
    passes=Passes(one_by_one=True),
)
