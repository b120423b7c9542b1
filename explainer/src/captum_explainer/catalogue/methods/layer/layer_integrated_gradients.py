"""Integrated gradients of a layer."""

from __future__ import annotations

from captum.attr import LayerIntegratedGradients

from captum_explainer.catalogue.method import About, Attribution, Method, Passes, Problem, Takes
from captum_explainer.parameters.noise_tunnel import SMOOTH
from captum_explainer.parameters.path import PATH_PARAMETERS, translate_path
from captum_explainer.predictor_client.description import Access


def attribute(problem: Problem) -> Attribution:
    """The gradient's integral between the layer's outputs at baseline and input, [rows, *the layer's shape]."""
    return problem.run(
        LayerIntegratedGradients(problem.model, problem.only_layer),
        baselines=problem.baselines,
        target=problem.target,
        **translate_path(problem.parameters),
    )


METHOD = Method(
    attribute,
    about=About(
        summary="Integrated gradients along the straight path between a layer's outputs at the baseline "
        "and at the input.",
        when="Contributions of a layer's units that add up, along a path within the layer.",
        cost="4 + 2 * passes",
        paper="Sundararajan et al., Axiomatic Attribution for Deep Networks, https://arxiv.org/abs/1703.01365",
    ),
    access=Access.STRUCTURE,
    family="layer",
    takes=Takes(
        parameters={**PATH_PARAMETERS, **SMOOTH},
        baselines="one",
    ),
    passes=Passes(replaces_layer=True),
    complete=True,
)
