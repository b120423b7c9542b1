"""Grad-CAM of a layer."""

from __future__ import annotations

from captum.attr import LayerGradCam

from captum_explainer.catalogue.method import About, Attribution, Method, Problem, Takes
from captum_explainer.parameters.noise_tunnel import SMOOTH
from captum_explainer.parameters.parameter import flag
from captum_explainer.predictor_client.description import Access


def attribute(problem: Problem) -> Attribution:
    """The layer's output times its channel's mean gradient, summed over channels, [rows, 1, *the layer's space]."""
    return problem.run(
        LayerGradCam(problem.model, problem.only_layer),
        target=problem.target,
        **problem.parameters_for_captum("relu_attributions", "attr_dim_summation"),
    )


METHOD = Method(
    attribute,
    about=About(
        summary="Where a layer responds to what raises the score: its channels weighted by their mean gradient.",
        when="A coarse map of where a class is seen; the last convolution is the usual layer.",
        cost="0",
        paper="Selvaraju et al., Grad-CAM, https://arxiv.org/abs/1610.02391",
    ),
    access=Access.STRUCTURE,
    family="layer",
    takes=Takes(
        parameters={
            "relu_attributions": flag(False, "keep only what raises the score, as the paper does"),
            "attr_dim_summation": flag(True, "sum over the layer's channels"),
            **SMOOTH,
        },
    ),
)
