"""LIME for a text's words: Captum's, or the lime package's."""

import numpy as np
import torch
from captum_serving.errors import BadInput
from numpy.typing import NDArray

from captum_explainer.catalogue.method import Attribution, Problem
from captum_explainer.catalogue.methods.primary import lime
from captum_explainer.catalogue.ridge import (
    LEAST_ALPHA,
    MOST_SEGMENTS,
    MOST_WORK,
    Ridge,
    Subsets,
    fit_ridge,
    weigh_subsets,
)
from captum_explainer.catalogue.surrogates import check_fit

# The package fits all words with this weak penalty before it chooses some.
CHOOSING_ALPHA = 0.01


def attribute(problem: Problem) -> Attribution:
    """Each word's coefficient in a linear model of the score, [1, features]."""
    if problem.parameters["surrogate"] == "ridge":
        return _fit_like_the_package(problem)
    found = lime.attribute(problem)
    details = found.details or {}
    # Each word is a segment.
    return Attribution(found.values, {key: details[key] for key in ("intercept", "r2")})


def draw_words(samples: int, words: int, seed: int) -> Subsets:
    """The lime package's random subsets for this seed, [samples, words]; the first has all words.

    For each of the others, a number is drawn, and then that many words to leave out.
    """
    generator = np.random.RandomState(seed)
    subsets = np.ones((samples, words), dtype=bool)
    for row, left_out in enumerate(generator.randint(1, words + 1, samples - 1), start=1):
        subsets[row, generator.choice(words, left_out, replace=False)] = False
    return subsets


def _fit_like_the_package(problem: Problem) -> Attribution:
    if "ridge" not in problem.memo:
        problem.memo["ridge"] = _score_subsets(problem)
    subsets, scores = problem.memo["ridge"]
    (target,) = problem.target
    weights, column = weigh_subsets(subsets), scores[:, target : target + 1]
    chosen = _choose_words(subsets, column, weights, problem.parameters["num_features"])
    fit: Ridge = fit_ridge(subsets[:, chosen], column, problem.parameters["alpha"], weights)
    values = np.zeros((1, subsets.shape[1]), dtype=np.float32)
    values[0, chosen] = fit.coefficients[:, 0]
    r2 = float(np.float32(fit.r2[0]))
    details = {"intercept": float(np.float32(fit.intercepts[0])), "r2": None if np.isnan(r2) else r2}
    return Attribution(torch.from_numpy(values), details)


def _score_subsets(problem: Problem) -> tuple[Subsets, NDArray[np.float64]]:
    parameters, count = problem.parameters, problem.inputs.shape[1]
    if count > MOST_SEGMENTS:
        raise BadInput(f"a text has {count} words; expected at most {MOST_SEGMENTS} with the surrogate 'ridge'")
    check_fit(parameters["n_samples"], count, MOST_WORK)
    if parameters["alpha"] < LEAST_ALPHA:
        raise BadInput(f"alpha is {parameters['alpha']:g}; expected {LEAST_ALPHA:g} or more with the surrogate 'ridge'")
    subsets = draw_words(parameters["n_samples"], count, parameters["seed"])
    with torch.no_grad():
        parts = torch.split(torch.from_numpy(subsets).float(), parameters["perturbations_per_eval"])
        scores = torch.cat([problem.model(part) for part in parts])
    return subsets, scores.double().numpy()


def _choose_words(
    subsets: Subsets, scores: NDArray[np.float64], weights: NDArray[np.floating], most: int | None
) -> NDArray[np.int64]:
    """The words with the largest coefficients in a fit to all words."""
    if most is None or most >= subsets.shape[1]:
        return np.arange(subsets.shape[1])
    coefficients = fit_ridge(subsets, scores, CHOOSING_ALPHA, weights).coefficients[:, 0]
    return np.argsort(-np.abs(coefficients), kind="stable")[:most]
