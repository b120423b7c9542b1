"""DeepLIFT of a neuron."""

from __future__ import annotations

from captum.attr import NeuronDeepLift

from captum_explainer.catalogue.method import Attribution, Method, Problem
from captum_explainer.catalogue.methods.primary.deep_lift import METHOD as DEEP_LIFT
from captum_explainer.parameters.noise_tunnel import SMOOTH
from captum_explainer.predictor_client.description import Access


def attribute(problem: Problem) -> Attribution:
    """Contributions to the neuron's difference from the baseline, [1, *input shape]; they sum to it."""
    return problem.run(
        NeuronDeepLift(problem.model, problem.only_layer),
        neuron_selector=problem.neuron,
        baselines=problem.baselines,
    )


METHOD = Method(
    attribute,
    summary="DeepLIFT's contributions to one neuron of a layer instead of the score.",
    paper=DEEP_LIFT.paper,
    when="What makes a neuron differ from its value at the baseline, in one pass.",
    cost="instances * below if instances > 1 else below - 1",
    access=Access.STRUCTURE,
    family="neuron",
    parameters=SMOOTH,
    baselines="one",
    nonlinearities=True,
    takes_target=False,
    one_by_one=True,
)
