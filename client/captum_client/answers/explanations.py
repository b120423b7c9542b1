"""Reads the explanations of images."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from captum_client.answers.entries import build_answer_error, read_entries
from captum_client.http.answer import JsonAnswer
from captum_client.printable import make_printable


@dataclass(frozen=True)
class Explanation:
    """One attribution and the server's details about it.

    `attributions` is float64 [height, width], [channels, height, width], or [units] for a layer without height and
    width. Positive values speak for the target. `delta` is the convergence delta. A field is None if the server does
    not give it.
    """

    attributions: NDArray[np.float64]
    method: str
    layer: str | None
    prediction: str | None
    probability: float | None
    target: str | None
    delta: float | None
    converged: bool | None

    def describe_prediction(self) -> str:
        """Return for example `Ankle boot (99.8 %)`."""
        chance = "" if self.probability is None else f"({_format_percent(self.probability)})"
        return " ".join(filter(None, [self.prediction, chance])) or "no prediction"

    def describe_method(self) -> str:
        """Return for example `integrated_gradients, target Ankle boot, convergence delta 0.00012`."""
        words = [f"{self.method} at {self.layer}" if self.layer else self.method]
        if self.target:
            words.append(f"target {self.target}")
        if self.delta is not None:
            verdict = " (not converged)" if self.converged is False else ""
            words.append(f"convergence delta {self.delta:.2g}{verdict}")
        return ", ".join(words)


def read_explanations(answer: JsonAnswer, count: int) -> list[list[Explanation]]:
    """Return the explanations of each of `count` images: one per image, or several if `top_k` was asked for.

    Raises QueryError if the answer does not follow the explainer's API.
    """
    return read_entries(answer, count, read_explanation)


def read_explanation(values: object, detail: Mapping[str, object], layer: str | None) -> Explanation:
    """Return one explanation. Raises QueryError if `values` is not an array of finite numbers."""
    converged = detail.get("converged")
    return Explanation(
        attributions=_read_numbers(values),
        method=make_printable(detail.get("method", "unknown method"), 60),
        layer=layer,
        prediction=_read_class(detail, "prediction"),
        probability=_read_number(detail.get("probability")),
        target=_read_class(detail, "target"),
        delta=_read_number(detail.get("convergence_delta")),
        converged=converged if isinstance(converged, bool) else None,
    )


def _read_numbers(values: object) -> NDArray[np.float64]:
    try:
        array = np.asarray(values, dtype=np.float64)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise build_answer_error("an explanation is not an array of numbers") from error
    if array.size == 0 or not 1 <= array.ndim <= 3:
        raise build_answer_error(f"an explanation has the shape {list(array.shape)}")
    if not np.isfinite(array).all():
        raise build_answer_error("an explanation has values that are not finite")
    return array


def _read_class(detail: Mapping[str, object], key: str) -> str | None:
    label = detail.get(f"{key}_label")
    name = label if label is not None else detail.get(key)
    return make_printable(name, 40) if name is not None else None


def _read_number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _format_percent(probability: float) -> str:
    """Format with one decimal; a probability below 1 is never shown as 100 %."""
    percent = min(probability * 100, 99.9) if probability < 1 else 100.0
    return f"{percent:.1f} %"
