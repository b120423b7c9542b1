"""What an answer says beside the attributions: scores, and whether the attributions add up."""

from typing import Any, TypedDict

from torch import Tensor

from captum_explainer.catalogue.method import Attribution
from captum_explainer.predictor_client.description import Description


class Details(TypedDict, total=False):
    """The details of one explanation, in the answer's order; a method without a target has neither score nor delta.

    Question answering has two of each from `score` on: for the answer's start and its end. Texts add where their words
    are, LIME and KernelSHAP their segments, intercept and fit, and the metrics their values.
    """

    method: str
    text: str
    text_pair: str
    truncated: bool
    tokens_dropped: int
    prediction: Any
    prediction_label: str | None
    probability: float
    target: Any
    target_label: str | None
    score: Any
    baseline_score: Any
    convergence_delta: Any
    converged: Any
    segments: Any
    intercept: Any
    r2: Any
    infidelity: float
    sensitivity: float


def describe_class(output: int, scores: Tensor, probabilities: Tensor, description: Description) -> dict[str, Any]:
    """The predicted class and the explained one, from an instance's scores and probabilities, float32 [outputs]."""
    prediction = int(scores.argmax())
    return {
        "prediction": prediction,
        "prediction_label": description.find_label(prediction),
        "probability": float(probabilities[prediction]),
        "target": output,
        "target_label": description.find_label(output),
    }


def describe_sum(
    attribution: Attribution, score: float, baseline_score: float | None, tolerance: float | None
) -> Details:
    """The score at the input and the baseline, and by how much the attributions miss their difference.

    Args:
        attribution: The attributions of one output.
        score: That output for the input.
        baseline_score: Its mean over the baselines; None if there are none.
        tolerance: The share of the difference that the sum may be off; None where the attributions need not add up.
    """
    details: Details = {
        "score": score,
        "baseline_score": baseline_score,
        "convergence_delta": None,
        "converged": None,
    }
    if baseline_score is not None and tolerance is not None:
        difference = score - baseline_score
        delta = float(attribution.values.double().sum()) - difference
        details["convergence_delta"] = delta
        details["converged"] = abs(delta) <= tolerance * abs(difference)
    return details
