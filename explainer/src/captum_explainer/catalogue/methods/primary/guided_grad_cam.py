"""Guided Grad-CAM."""

from captum.attr import GuidedGradCam
from captum_serving.errors import BadInput

from captum_explainer.catalogue.method import About, Attribution, Method, Problem, Takes
from captum_explainer.parameters.parameter import choice


def attribute(problem: Problem) -> Attribution:
    """Guided backpropagation times the upsampled Grad-CAM of a layer, [rows, *input shape].

    Raises:
        BadInput: The layer's output has no height and width.
    """
    attribution = problem.run(
        GuidedGradCam(problem.model, problem.layer),
        target=problem.target,
        **problem.parameters_for_captum("interpolate_mode"),
    )
    if attribution.values.numel() == 0:
        raise BadInput(
            "guided_grad_cam: the layer's output has no height and width; expected a layer before the flatten"
        )
    return attribution


METHOD = Method(
    GuidedGradCam,
    attribute_by=attribute,
    about=About(
        summary="Guided backpropagation, weighted by where Grad-CAM sees the layer respond.",
        when="Guided backpropagation's sharp picture, limited to where the evidence for the class is.",
        cost="remote + above - 2",
        paper="Selvaraju et al., Grad-CAM, https://arxiv.org/abs/1610.02391",
    ),
    needs="structure",
    takes=Takes(
        own={
            "interpolate_mode": choice(
                "nearest", ("nearest", "bilinear", "bicubic", "area"), "how Grad-CAM is upsampled"
            )
        },
        smooth=True,
        layer=True,
    ),
    backward="nonlinearities",
    slope=True,
)
