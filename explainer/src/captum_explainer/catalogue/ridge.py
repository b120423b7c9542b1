"""LIME's linear model as the lime package fits it: ridge regression over all segments, for all outputs at once."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from captum_serving.errors import BadInput
from numpy.typing import NDArray

from captum_explainer.catalogue.method import Attribution, Problem
from captum_explainer.catalogue.surrogates import check_fit

KERNEL_WIDTH = 0.25
# The fit's memory grows with the square of their number, and its time with the cube.
MOST_SEGMENTS = 4096
# Samples times the square of the segments. Other threads go on meanwhile, but the fit does not see its deadline.
MOST_WORK = 2e10
# Below it the equations may be nearly singular, and the coefficients noise.
LEAST_ALPHA = 1e-6
# How many are converted to numbers at a time: thousands of samples with thousands of segments would take gigabytes.
SAMPLES_AT_ONCE = 1000

Array = NDArray[np.floating[Any]]
Subsets = NDArray[np.bool_]


class Ridge(NamedTuple):
    """Coefficients [segments, outputs], intercepts [outputs], weighted R² [outputs]; R² is NaN for a constant score."""

    coefficients: Array
    intercepts: Array
    r2: Array


def attribute_by_ridge(problem: Problem) -> Attribution:
    """Each segment's coefficient, repeated for its values, [1, *input shape]; one fit serves an instance's targets.

    The first sample is the whole picture; the others are random halves of its segments, the rest at the baseline.

    Raises:
        BadInput: Too many segments, or a penalty too weak for a solution.
    """
    if "ridge" not in problem.memo:
        problem.memo["ridge"] = _fit(problem)
    fit: Ridge = problem.memo["ridge"]
    (target,) = problem.target
    r2 = float(np.float32(fit.r2[target]))
    details = {
        "segments": problem.segments.numpy(),
        "intercept": float(np.float32(fit.intercepts[target])),
        "r2": None if np.isnan(r2) else r2,
    }
    return Attribution(torch.from_numpy(fit.coefficients[:, target].astype(np.float32))[problem.feature_mask], details)


def weigh_subsets(subsets: Subsets) -> Array:
    """The weight of each sample. A sample with more of the instance weighs more."""
    # A subset's cosine distance to the whole depends only on its size; the empty subset's is 1.
    distances = 1.0 - np.sqrt(subsets.mean(axis=1))
    weights: Array = np.sqrt(np.exp(-(distances**2) / KERNEL_WIDTH**2))
    return weights


def fit_ridge(subsets: Subsets, scores: Array, alpha: float, weights: Array) -> Ridge:
    """Fit all outputs.

    Args:
        subsets: [samples, segments], true where a segment is the picture's.
        scores: [samples, outputs].
        alpha: The penalty of the squared coefficients; the intercept has none.
        weights: [samples].
    """
    total = weights.sum()
    mean_score = weights @ scores / total
    centred = scores - mean_score
    share = sum(w @ x for x, w, _ in _split(subsets, weights, centred)) / total
    gram = np.diag(np.full(subsets.shape[1], alpha, np.float64))
    moments = np.zeros((subsets.shape[1], scores.shape[1]))
    for x, w, y in _split(subsets, weights, centred):
        weighted = w[:, None] * (x - share)
        gram += (x - share).T @ weighted
        moments += weighted.T @ y
    coefficients = np.linalg.solve(gram, moments)
    off = np.concatenate([y - (x - share) @ coefficients for x, _, y in _split(subsets, weights, centred)])
    with np.errstate(divide="ignore", invalid="ignore"):
        r2 = 1.0 - weights @ off**2 / (weights @ centred**2)
    # A constant score varies only by rounding.
    r2[np.ptp(scores, axis=0) == 0.0] = np.nan
    return Ridge(coefficients, mean_score - share @ coefficients, r2)


def _split(subsets: Subsets, weights: Array, scores: Array) -> Iterator[tuple[Array, Array, Array]]:
    for start in range(0, len(subsets), SAMPLES_AT_ONCE):
        part = slice(start, start + SAMPLES_AT_ONCE)
        yield subsets[part].astype(np.float64), weights[part], scores[part]


def _fit(problem: Problem) -> Ridge:
    parameters, count = problem.parameters, int(problem.segments.max()) + 1
    if count > MOST_SEGMENTS:
        raise BadInput(f"{count} segments; expected at most {MOST_SEGMENTS} with the surrogate 'ridge': try 'grid'")
    check_fit(parameters["n_samples"], count, MOST_WORK)
    if parameters["alpha"] < LEAST_ALPHA:
        raise BadInput(f"alpha is {parameters['alpha']:g}; expected {LEAST_ALPHA:g} or more with the surrogate 'ridge'")
    subsets = draw_subsets(parameters["n_samples"], count, parameters["seed"])
    scores = []
    with torch.no_grad():
        for part in torch.split(torch.from_numpy(subsets), parameters["perturbations_per_eval"]):
            scores.append(problem.model(torch.where(part[:, problem.segments], problem.inputs, problem.baselines)))
    return fit_ridge(subsets, torch.cat(scores).double().numpy(), parameters["alpha"], weigh_subsets(subsets))


def draw_subsets(samples: int, segments: int, seed: int) -> Subsets:
    """Random subsets [samples, segments] as the lime package draws them with this seed; the first is the whole."""
    generator = np.random.RandomState(seed)
    parts = [min(SAMPLES_AT_ONCE, samples - start) for start in range(0, samples, SAMPLES_AT_ONCE)]
    subsets = np.concatenate([generator.randint(0, 2, (part, segments)).astype(bool) for part in parts])
    subsets[0] = True
    return subsets
