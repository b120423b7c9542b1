"""The conductance of a layer."""

from __future__ import annotations

from captum.attr import LayerConductance

from captum_explainer.catalogue.method import Attribution, Method, Problem
from captum_explainer.parameters.noise_tunnel import SMOOTH
from captum_explainer.parameters.path import AUTO_PATH_PARAMETERS, path_arguments
from captum_explainer.predictor_client.description import Access


def attribute(problem: Problem) -> Attribution:
    """What of the integrated gradients flows through each unit of the layer, [rows, *the layer's shape]."""
    return problem.run(
        LayerConductance(problem.model, problem.only_layer),
        baselines=problem.baselines,
        target=problem.target,
        **path_arguments(problem.parameters),
    )


METHOD = Method(
    attribute,
    summary="How much of the integrated gradients from baseline to input flows through each unit of a layer.",
    paper="Dhamdhere et al., How Important Is a Neuron?, https://arxiv.org/abs/1805.12233",
    when="Which units of a layer matter for the score; comparable between layers, since each layer's sum is the same.",
    cost="passes",
    access=Access.STRUCTURE,
    family="layer",
    parameters={**AUTO_PATH_PARAMETERS, **SMOOTH},
    baselines="one",
    rows_an_instance=2,
    complete=True,
)
