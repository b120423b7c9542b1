"""Integrated gradients."""

from captum.attr import IntegratedGradients

from captum_explainer.catalogue.method import About, Attribution, Method, Passes, Problem, Takes
from captum_explainer.catalogue.path_integral import PathIntegral, list_points
from captum_explainer.parameters.path import translate_path


def attribute(problem: Problem) -> Attribution:
    """The integral of the gradient from baseline to input, [rows, *input shape]; it sums to the scores' difference."""
    integrate = problem.integrate
    return problem.run(
        IntegratedGradients(problem.model) if integrate is None else PathIntegral(problem.model, integrate),
        baselines=problem.baselines,
        target=problem.target,
        **translate_path(problem.parameters),
    )


METHOD = Method(
    IntegratedGradients,
    attribute_by=attribute,
    about=About(
        summary="The integral of the gradient along the straight path from a baseline to the input.",
        when="The default: contributions that add up, for any model with gradients. The convergence delta shows the "
        "error.",
        cost="passes if passes > 1 else 0",
        paper="Sundararajan et al., Axiomatic Attribution for Deep Networks, https://arxiv.org/abs/1703.01365",
    ),
    takes=Takes(path=True, smooth=True, baselines="one"),
    passes=Passes(points=list_points, integrates=True),
    complete=True,
)
