"""Integrated gradients."""

from __future__ import annotations

from typing import Any

import torch
from captum.attr import IntegratedGradients
from captum.attr._utils.approximation_methods import approximation_parameters
from torch import Tensor

from captum_explainer.method import Attribution, Method, Problem
from captum_explainer.parameters.path import AUTO_PATH_PARAMETERS, path_arguments
from captum_explainer.parameters.smooth import SMOOTH


def attribute(problem: Problem) -> Attribution:
    """The gradient's integral from baseline to input, [rows, *input shape]; it sums to the difference of the scores."""
    return problem.run(
        IntegratedGradients(problem.model),
        baselines=problem.baselines,
        target=problem.target,
        **path_arguments(problem),
    )


def points(inputs: Tensor, baselines: Tensor, parameters: dict[str, Any]) -> Tensor | None:
    """The points of the path, [steps x rows, *input shape], in Captum's order and with its bits."""
    if parameters["internal_batch_size"] is not None:
        return None
    _, alphas = approximation_parameters(parameters["quadrature"])
    steps = torch.tensor(alphas(parameters["n_steps"]), dtype=inputs.dtype).reshape(-1, *[1] * inputs.ndim)
    return (baselines + steps * (inputs - baselines)).flatten(0, 1)


METHOD = Method(
    attribute,
    summary="The gradient's integral along the straight path from a baseline to the input.",
    paper="Sundararajan et al., Axiomatic Attribution for Deep Networks, https://arxiv.org/abs/1703.01365",
    when="The default: contributions that add up, of any model with gradients; the convergence delta tells the error.",
    cost="passes if passes > 1 else 0",
    parameters={**AUTO_PATH_PARAMETERS, **SMOOTH},
    points=points,
    baselines="one",
    complete=True,
)
