"""The activation of a layer."""

from __future__ import annotations

from captum.attr import LayerActivation

from captum_explainer.catalogue.method import About, Attribution, Method, Problem, Takes, detach
from captum_explainer.predictor_client.description import Access


def attribute(problem: Problem) -> Attribution:
    """The layer's output, [rows, *the layer's shape]."""
    return detach(LayerActivation(problem.model, problem.only_layer).attribute(problem.inputs))


METHOD = Method(
    attribute,
    about=About(
        summary="A layer's output for the input, as the network computes it.",
        when="What a layer sees, whatever the class: the cheapest look into the network, and no "
        "explanation of a score.",
        cost="0",
        paper="Captum, https://captum.ai/api/layer.html#layer-activation",
    ),
    access=Access.STRUCTURE,
    family="layer",
    takes=Takes(target=False),
)
