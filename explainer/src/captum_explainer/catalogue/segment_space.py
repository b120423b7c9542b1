"""Explains the presence of segments instead of the values in them."""

from typing import Any

import torch
from torch import Tensor

from captum_explainer.catalogue.method import Attribution, Problem


def attribute_segments(kind: Any, problem: Problem, **options: Any) -> Attribution:  # noqa: ANN401 - captum is untyped
    """Run a Captum class on one instance's segments; each value gets its segment's attribution.

    Captum 0.9.0's Shapley classes go through all values of the feature mask in Python for every order of the segments:
    a 224x224 picture in four segments took 40 s, with the model waiting. So they are given a model of one number a
    segment, 1 where it is the instance's and 0 where it is the baseline's. It asks for the same rows in the same
    order, so the bits are those of the class on the instance with a feature mask.

    Args:
        kind: The class, of perturbations.
        problem: Of one instance.
        options: More arguments of its `attribute`.
    """
    segments = problem.segments

    def score(there: Tensor) -> Tensor:
        rows: Tensor = problem.model(torch.where(there[:, segments] > 0, problem.inputs, problem.baselines))
        return rows

    there = torch.ones(1, int(segments.max()) + 1)
    values = kind(score).attribute(there, baselines=torch.zeros_like(there), target=problem.target, **options)
    return Attribution(values[:, segments].to(torch.float32), {"segments": segments.numpy()})
