"""The result of a request for explanations."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Explanations:
    """The explanations for one request.

    Attributes:
        values: An array for each instance, for a text an object; with `top_k`, a list of them.
        details: A dictionary for each instance; with `top_k`, a list of them.
        parameters: All parameters, defaults included.
        outputs: The model's outputs as they are explained, logits or probabilities: float32 [instances, outputs].
        baselines: Each instance's baselines, float32 [1 or more, *input shape]; zeros for a method without baselines.
    """

    values: list[Any]
    details: list[Any]
    parameters: dict[str, Any]
    outputs: np.ndarray
    baselines: list[np.ndarray]
