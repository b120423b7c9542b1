"""A layer's gradient times its activation."""

from __future__ import annotations

from captum.attr import LayerGradientXActivation

from captum_explainer.catalogue.method import About, Attribution, Method, Problem, Takes
from captum_explainer.parameters.noise_tunnel import SMOOTH
from captum_explainer.predictor_client.description import Access


def attribute(problem: Problem) -> Attribution:
    """The layer's output times the score's gradient by it, [rows, *the layer's shape]."""
    return problem.run(LayerGradientXActivation(problem.model, problem.only_layer), target=problem.target)


METHOD = Method(
    attribute,
    about=About(
        summary="Each unit of a layer times the score's gradient by it: the score's linear part in the layer.",
        when="The quickest share of each unit of a layer in the score; behind the last nonlinearity it is exact.",
        cost="0",
        paper="Captum, https://captum.ai/api/layer.html#layer-gradient-x-activation",
    ),
    access=Access.STRUCTURE,
    family="layer",
    takes=Takes(parameters=SMOOTH),
)
