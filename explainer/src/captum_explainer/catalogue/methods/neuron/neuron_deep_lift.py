"""DeepLIFT of a neuron."""

from __future__ import annotations

from captum.attr import NeuronDeepLift

from captum_explainer.catalogue.method import About, Attribution, Method, Passes, Problem, Takes
from captum_explainer.catalogue.methods.primary.deep_lift import METHOD as DEEP_LIFT
from captum_explainer.parameters.noise_tunnel import SMOOTH
from captum_explainer.predictor_client.description import Access
from captum_explainer.skeleton.cuts import Cuts


def attribute(problem: Problem) -> Attribution:
    """Contributions to the neuron's difference from the baseline, [1, *input shape]; they sum to it."""
    return problem.run(
        NeuronDeepLift(problem.model, problem.only_layer),
        neuron_selector=problem.neuron,
        baselines=problem.baselines,
    )


METHOD = Method(
    attribute,
    about=About(
        summary="DeepLIFT's contributions to one neuron of a layer instead of the score.",
        when="What makes a neuron differ from its value at the baseline, in one pass.",
        cost="instances * below if instances > 1 else below - 1",
        paper=DEEP_LIFT.about.paper,
    ),
    access=Access.STRUCTURE,
    family="neuron",
    takes=Takes(parameters=SMOOTH, baselines="one", target=False),
    cuts=Cuts(nonlinearities=True),
    passes=Passes(one_by_one=True),
)
