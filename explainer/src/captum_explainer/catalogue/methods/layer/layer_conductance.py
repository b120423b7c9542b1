"""The conductance of a layer."""

from __future__ import annotations

from captum.attr import LayerConductance

from captum_explainer.catalogue.method import About, Attribution, Method, Passes, Problem, Takes
from captum_explainer.parameters.noise_tunnel import SMOOTH
from captum_explainer.parameters.path import PATH_PARAMETERS, translate_path
from captum_explainer.predictor_client.description import Access


def attribute(problem: Problem) -> Attribution:
    """What of the integrated gradients flows through each unit of the layer, [rows, *the layer's shape]."""
    return problem.run(
        LayerConductance(problem.model, problem.only_layer),
        baselines=problem.baselines,
        target=problem.target,
        **translate_path(problem.parameters),
    )


METHOD = Method(
    attribute,
    about=About(
        summary="How much of the integrated gradients from baseline to input flows through each unit of a layer.",
        when="Which units of a layer matter for the score; comparable between layers, since each layer's "
        "sum is the same.",
        cost="passes",
        paper="Dhamdhere et al., How Important Is a Neuron?, https://arxiv.org/abs/1805.12233",
    ),
    access=Access.STRUCTURE,
    family="layer",
    takes=Takes(
        parameters={**PATH_PARAMETERS, **SMOOTH},
        baselines="one",
    ),
    passes=Passes(rows_an_instance=2),
    complete=True,
)
