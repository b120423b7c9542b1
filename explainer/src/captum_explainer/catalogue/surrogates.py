"""The linear model that LIME and KernelSHAP fit, and how well it fits."""

import math
from typing import Any

import numpy as np
import torch
from captum._utils.models.model import Model
from captum_serving.errors import BadInput
from torch import Tensor
from torch.utils.data import DataLoader

from captum_explainer.catalogue.method import Attribution, Problem

# Samples times the square of the segments. scikit-learn's least squares do not let go of the interpreter: 6,000 samples
# of 4,900 segments (1.4e11) held it for 51 s, and nothing else was answered.
MOST_WORK = 3e9


class ScoredModel:
    """Captum's interpretable model, with the weighted R² of its fit to the random samples.

    Samples of the weight `anchor` are left out of R²: KernelSHAP holds the fit at the input and at the baseline by a
    weight of a million, which would make any fit look perfect.
    """

    def __init__(self, model: Model, anchor: float = math.inf) -> None:
        self.model = model
        self.anchor = anchor
        self.r2: float | None = None

    def fit(self, train_data: DataLoader[Any], **arguments: Any) -> Any:  # noqa: ANN401 - Captum's interface
        """Fit Captum's model, and compare the fitted scores with the true ones."""
        report = self.model.fit(train_data, **arguments)
        samples, scores, weights = (torch.cat(parts) for parts in zip(*train_data, strict=True))
        with torch.no_grad():
            fitted = self.model(samples.to(torch.float32))
        drawn = weights.reshape(-1) < self.anchor
        self.r2 = compute_r2(scores.reshape(-1)[drawn], fitted.reshape(-1)[drawn], weights.reshape(-1)[drawn])
        return report

    def representation(self) -> Tensor:
        """The coefficients [1, segments]."""
        coefficients: Tensor = self.model.representation()
        return coefficients

    def intercept(self) -> float:
        """The fitted score of the baseline."""
        return float(self.model.bias())


def compute_r2(scores: Tensor, fitted: Tensor, weights: Tensor) -> float | None:
    """1 - weighted residual sum of squares / weighted total; None where all scores are equal."""
    y, f, w = (t.detach().reshape(-1).double().numpy() for t in (scores, fitted, weights))
    total = float(np.sum(w * (y - np.average(y, weights=w)) ** 2)) if w.sum() > 0 else 0.0
    return None if total == 0.0 else 1.0 - float(np.sum(w * (y - f) ** 2)) / total


def check_fit(samples: int, segments: int, most: float) -> None:
    """Bound a fit's time, which grows with the samples and with the square of the segments.

    Raises:
        BadInput: It would take too long.
    """
    if samples * segments**2 > most:
        raise BadInput(
            f"the fit has {samples} samples (n_samples) of {segments} segments; expected samples x segments^2 of at "
            f"most {most:.0e}: lower one of them"
        )


def attribute_by_surrogate(problem: Problem, explainer: Any) -> Attribution:  # noqa: ANN401 - captum is untyped
    """Run Captum's Lime or KernelShap, whose interpretable model is a `ScoredModel`.

    The details hold the segments, the intercept and the fit.

    Raises:
        BadInput: The fit would take too long.
    """
    check_fit(problem.parameters["n_samples"], int(problem.segments.max()) + 1, MOST_WORK)
    values, _ = problem.run(
        explainer,
        baselines=problem.baselines,
        target=problem.target,
        feature_mask=problem.feature_mask,
        **problem.parameters_for_captum("n_samples", "perturbations_per_eval"),
    )
    model: ScoredModel = explainer.interpretable_model
    details = {"segments": problem.segments.numpy(), "intercept": model.intercept(), "r2": model.r2}
    return Attribution(values, details)
