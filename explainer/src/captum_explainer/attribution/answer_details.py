"""What an answer says beside the attributions: predictions, scores, and whether the attributions add up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from captum_explainer.attribution.plan import Task
from captum_explainer.catalogue.method import Attribution
from captum_explainer.predictor_client.description import Access


@dataclass(frozen=True)
class Scored:
    """The model's output as the predictor gives it: float32 [instances, outputs], and [baselines, outputs] of each."""

    output: Tensor
    at_baselines: list[Tensor] | None


def details_of(task: Task, scored: Scored, attribution: Attribution, instance: int, target: int) -> dict[str, Any]:
    """One explanation's details; a method without a target has no score and no delta."""
    output, description = scored.output[instance], task.description
    prediction = int(output.argmax())
    probabilities = _probabilities(task, output)
    details: dict[str, Any] = {
        "method": task.chosen.name,
        "prediction": prediction,
        "prediction_label": description.label(prediction),
        "probability": float(probabilities[prediction]),
    }
    if not task.chosen.method.takes_target:
        return details
    score, baseline_score = scores_of(task, scored, instance, target)
    details |= {
        "target": target,
        "target_label": description.label(target),
        "score": score,
        "baseline_score": baseline_score,
        "convergence_delta": None,
        "converged": None,
    }
    # Of noisy inputs, another sum is the right one.
    if baseline_score is not None and task.chosen.method.complete and not task.chosen.get("smooth"):
        details |= convergence(attribution, score - baseline_score, task.chosen["tolerance"])
    return details | (attribution.details or {})


def scores_of(task: Task, scored: Scored, instance: int, target: int) -> tuple[float, float | None]:
    """The score at the instance, and the mean of those at its baselines where there are any."""
    score = float(explained(task, scored.output[instance])[target])
    if scored.at_baselines is None:
        return score, None
    return score, float(explained(task, scored.at_baselines[instance])[:, target].mean())


def convergence(attribution: Attribution, difference: float, tolerance: float) -> dict[str, Any]:
    """By how much the attributions miss the difference of the scores, and whether that is within tolerance."""
    delta = float(attribution.values.double().sum()) - difference
    return {"convergence_delta": delta, "converged": abs(delta) <= tolerance * abs(difference)}


def _probabilities(task: Task, output: Tensor) -> Tensor:
    if task.description.access == Access.SCORES:
        return output
    return torch.sigmoid(output) if output.shape[-1] == 1 else torch.softmax(output, dim=-1)


def explained(task: Task, output: Tensor) -> Tensor:
    """What is explained of the model's output, of the same shape: logits, or probabilities."""
    return _probabilities(task, output) if task.chosen.get("output") == "probability" else output
