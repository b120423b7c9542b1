"""Integrated gradients of which the predictor takes the sum: of all the path's points one gradient comes back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from captum.attr import IntegratedGradients
from captum.attr._utils.approximation_methods import approximation_parameters
from torch import Tensor

from captum_explainer.inputs.targets import one_hot
from captum_explainer.predictor_client.description import Description
from captum_explainer.predictor_client.session import Array, Derivative, Rows, StraightPath
from captum_explainer.skeleton.remote_segment import FarSighted

# The integral [paths, *input shape] of the targets' gradients from starts to ends, by nodes and weights; None where no
# call can carry a path.
Integrate = Callable[[Tensor, Tensor, Rows, Rows, Sequence[int] | Tensor], Tensor | None]


class KnownIntegral(NamedTuple):
    """The integral `gradient` [paths, *input shape] along the path to `ends`, for `targets`, int64 [paths]."""

    path: StraightPath
    ends: Rows
    targets: Array
    gradient: Rows

    def answers(self, path: StraightPath, ends: Rows, targets: Array) -> bool:
        """Whether it is what is asked for, number by number."""
        asked, known = (*path, ends, targets), (*self.path, self.ends, self.targets)
        return all(one is other or np.array_equal(one, other) for one, other in zip(asked, known, strict=True))


class Integrals:
    """The integrals of one model's output by its input, of which one may be known."""

    def __init__(self, far_sighted: FarSighted, description: Description, known: KnownIntegral | None) -> None:
        assert description.output_width is not None
        self._far_sighted = far_sighted
        self._source, self._sink = description.input_name, description.output_name
        self._width = description.output_width
        self._known = known

    def integrate(
        self,
        starts: Tensor,
        ends: Tensor,
        nodes: Rows,
        weights: Rows,
        targets: Sequence[int] | Tensor,
    ) -> Tensor | None:
        """The integral, float32 [paths, *input shape]; None where the predictor's calls cannot carry it.

        Args:
            starts: float32 [paths, *input shape].
            ends: Of the same shape.
            nodes: Of the quadrature, float32 [steps], 0 at the start and 1 at the end.
            weights: Of the nodes.
            targets: The output to explain, one a path.
        """
        begin, last = (np.ascontiguousarray(tensor.detach().numpy()) for tensor in (starts, ends))
        path, indices = StraightPath(begin, nodes, weights), np.asarray(targets)
        if self._known is not None and self._known.answers(path, last, indices):
            return torch.from_numpy(self._known.gradient.copy())
        return self._asked(path, last, one_hot(indices, self._width))

    def _asked(self, path: StraightPath, ends: Rows, cotangent: Rows) -> Tensor | None:
        """By one call, or where that cannot carry it, one for each half: a call of few points may have other bits."""
        derivative = Derivative(self._source, self._sink, cotangent, path=path)
        found = self._far_sighted.ask_values(self._source, [], ends, derivative)
        if found is not None and found.gradient is not None:
            return torch.from_numpy(found.gradient.copy())
        half = len(ends) // 2
        if half == 0:
            return None
        parts = [
            self._asked(path._replace(starts=path.starts[part]), ends[part], cotangent[part])
            for part in (slice(half), slice(half, None))
        ]
        return None if parts[0] is None or parts[1] is None else torch.cat([parts[0], parts[1]])


class PathIntegral(IntegratedGradients):  # type: ignore[misc]  # captum is untyped
    """Captum's integrated gradients, but that its sum is taken where the gradients are; the bits are the same."""

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
            nodes, weights = _rule(method, n_steps)
        else:
            weights, nodes = (np.asarray(part, np.float32) for part in step_sizes_and_alphas)
        (end,), (start,) = inputs, baselines
        total = self._integrate(start.expand_as(end), end, nodes, weights, target)
        if total is None:
            arguments = target, additional_forward_args, n_steps, method, step_sizes_and_alphas
            attributed: tuple[Tensor, ...] = super()._attribute(inputs, baselines, *arguments)
            return attributed
        return (total * (end - start),)


def quadrature(parameters: dict[str, Any]) -> tuple[Rows, Rows] | None:
    """The nodes and weights of a method's one pass, float32 [steps] each; None where it has several."""
    if parameters["internal_batch_size"] is not None:
        return None
    try:
        return _rule(parameters["quadrature"], parameters["n_steps"])
    except AssertionError:  # what Captum refuses, its own call will refuse with a sentence
        return None


@lru_cache(128)
def _rule(quadrature: str, n_steps: int) -> tuple[Rows, Rows]:
    """Captum's nodes and weights, float32 [n_steps] each; read-only, being shared."""
    weights, nodes = (np.array(of(n_steps), np.float32) for of in approximation_parameters(quadrature))
    nodes.setflags(write=False)
    weights.setflags(write=False)
    return nodes, weights


def points(inputs: Tensor, baselines: Tensor, parameters: dict[str, Any]) -> Tensor | None:
    """The points of a method's one pass, [steps x rows, *input shape], in Captum's order and with its bits."""
    rule = quadrature(parameters)
    if rule is None:
        return None
    steps = torch.tensor(rule[0]).reshape(-1, *[1] * inputs.ndim)
    return (baselines + steps * (inputs - baselines)).flatten(0, 1)
