"""Probabilities of logits."""

import numpy as np

from captum_predictor.engine.arrays import Array


def softmax(logits: Array) -> Array:
    """Probabilities over the last axis, computed in double precision and rounded to single."""
    exponentials = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    probabilities: Array = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return probabilities.astype(np.float32)
