"""What was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Explanations:
    """What was found.

    Attributes:
        values: An array for each instance, for a text an object; with `top_k`, a list of them.
        details: A dictionary for each instance; with `top_k`, a list of them.
        parameters: In full.
        outputs: The model's, logits or probabilities as they are explained: float32 [instances, outputs].
        baselines: Each instance's, float32 [1 or more, *input shape]; zeros for a method without.
    """

    values: list[Any]
    details: list[Any]
    parameters: dict[str, Any]
    outputs: np.ndarray
    baselines: list[np.ndarray]
