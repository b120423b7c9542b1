"""Integrated gradients, summed in the predictor: one gradient comes back for all points on the path."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from captum.attr import IntegratedGradients
from captum.attr._utils.approximation_methods import approximation_parameters
from torch import Tensor

from captum_explainer.predictor_client.exchange import Rows

# Takes starts, ends, nodes, weights and targets, and returns the integral of the targets' gradients along the paths,
# [paths, *input shape]; None if one call has no room for a path.
Integrate = Callable[[Tensor, Tensor, Rows, Rows, Sequence[int] | Tensor], Tensor | None]


class PathIntegral(IntegratedGradients):  # type: ignore[misc]  # captum is untyped
    """Captum's integrated gradients, summed where the gradients are computed; the bits are the same."""

    def __init__(self, model: Callable[[Tensor], Tensor], integrate: Integrate) -> None:
        super().__init__(model)
        self._integrate = integrate

    def _attribute(
        self,
        inputs: tuple[Tensor, ...],
        baselines: tuple[Tensor, ...],
        target: Any = None,  # noqa: ANN401 - captum's type
        additional_forward_args: object = None,
        n_steps: int = 50,
        method: str = "gausslegendre",
        step_sizes_and_alphas: tuple[list[float], list[float]] | None = None,
    ) -> tuple[Tensor, ...]:
        if step_sizes_and_alphas is None:
            nodes, weights = _make_rule(method, n_steps)
        else:
            weights, nodes = (np.asarray(part, np.float32) for part in step_sizes_and_alphas)
        (end,), (start,) = inputs, baselines
        total = self._integrate(start.expand_as(end), end, nodes, weights, target)
        if total is None:
            arguments = target, additional_forward_args, n_steps, method, step_sizes_and_alphas
            attributed: tuple[Tensor, ...] = super()._attribute(inputs, baselines, *arguments)
            return attributed
        return (total * (end - start),)


def find_quadrature(parameters: dict[str, Any]) -> tuple[Rows, Rows] | None:
    """The nodes and weights of a method that makes one pass, float32 [steps] each; None if it makes several."""
    if parameters["internal_batch_size"] is not None:
        return None
    try:
        return _make_rule(parameters["quadrature"], parameters["n_steps"])
    except AssertionError:  # Captum's own call refuses it too, with a sentence
        return None


@lru_cache(128)
def _make_rule(quadrature: str, n_steps: int) -> tuple[Rows, Rows]:
    """Captum's nodes and weights, float32 [n_steps] each; they are shared, and so read-only."""
    weights, nodes = (np.array(of(n_steps), np.float32) for of in approximation_parameters(quadrature))
    nodes.setflags(write=False)
    weights.setflags(write=False)
    return nodes, weights


def list_points(inputs: Tensor, baselines: Tensor, parameters: dict[str, Any]) -> Tensor | None:
    """The points of a method that makes one pass, [steps x rows, *input shape], in Captum's order, with its bits."""
    rule = find_quadrature(parameters)
    if rule is None:
        return None
    steps = torch.tensor(rule[0]).reshape(-1, *[1] * inputs.ndim)
    return (baselines + steps * (inputs - baselines)).flatten(0, 1)
