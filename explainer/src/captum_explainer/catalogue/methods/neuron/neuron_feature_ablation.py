"""Feature ablation of a neuron."""

from __future__ import annotations

from captum.attr import NeuronFeatureAblation

from captum_explainer.catalogue.method import About, Attribution, Method, Passes, Problem, Takes, detach
from captum_explainer.catalogue.methods.primary.feature_ablation import METHOD as FEATURE_ABLATION
from captum_explainer.parameters.perturbations import PERTURBATIONS_PER_EVAL
from captum_explainer.predictor_client.description import Access


def attribute(problem: Problem) -> Attribution:
    """The neuron's fall where a segment of the input is replaced by the baseline, [1, *input shape]."""
    values = NeuronFeatureAblation(problem.model, problem.only_layer).attribute(
        problem.inputs,
        problem.neuron,
        baselines=problem.baselines,
        feature_mask=problem.feature_mask,
        **problem.parameters_for_captum("perturbations_per_eval"),
    )
    return detach(values)


METHOD = Method(
    attribute,
    about=About(
        summary="How much one neuron of a layer falls where one segment of the input after the other is replaced.",
        when="What a neuron needs of the input, measured and not derived.",
        cost="instances * (1 + ceil(segments / perturbations_per_eval))",
        paper=FEATURE_ABLATION.about.paper,
    ),
    access=Access.STRUCTURE,
    family="neuron",
    takes=Takes(parameters=PERTURBATIONS_PER_EVAL, baselines="one", target=False, segments=True),
    passes=Passes(one_by_one=True),
)
