"""Internal influence."""

from __future__ import annotations

from captum.attr import InternalInfluence

from captum_explainer.catalogue.method import About, Attribution, Method, Passes, Problem, Takes
from captum_explainer.catalogue.path_integral import points
from captum_explainer.parameters.noise_tunnel import SMOOTH
from captum_explainer.parameters.path import PATH_PARAMETERS, translate_path
from captum_explainer.predictor_client.description import Access


def attribute(problem: Problem) -> Attribution:
    """The mean gradient by the layer's output along the path from baseline to input, [rows, *the layer's shape]."""
    return problem.run(
        InternalInfluence(problem.model, problem.only_layer),
        baselines=problem.baselines,
        target=problem.target,
        **translate_path(problem.parameters),
    )


METHOD = Method(
    attribute,
    about=About(
        summary="The gradient by a layer's output, averaged along the straight path from the baseline to the input.",
        when="Which of a layer's units the score follows, from the baseline to the instance: a slope and no share.",
        cost="passes if passes > 1 else 0",
        paper="Leino et al., Influence-Directed Explanations, https://arxiv.org/abs/1802.03788",
    ),
    access=Access.STRUCTURE,
    family="layer",
    takes=Takes(
        parameters={**PATH_PARAMETERS, **SMOOTH},
        baselines="one",
    ),
    passes=Passes(points=points),
)
