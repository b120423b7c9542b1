"""The server's answer, checked, and its words."""

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
    """One attribution and what the server says about it.

    `attributions` is float64: [height, width], [channels, height, width] or, of a layer without height and width,
    [units]; positive values speak for the target. `delta` is the convergence delta. None: the server does not say.
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
        """As in `Ankle boot (99.8 %)`."""
        chance = "" if self.probability is None else f"({_format_percent(self.probability)})"
        return " ".join(filter(None, [self.prediction, chance])) or "no prediction"

    def describe_method(self) -> str:
        """As in `integrated_gradients, target Ankle boot, convergence delta 0.00012`."""
        words = [f"{self.method} at {self.layer}" if self.layer else self.method]
        if self.target:
            words.append(f"target {self.target}")
        if self.delta is not None:
            verdict = " (not converged)" if self.converged is False else ""
            words.append(f"convergence delta {self.delta:.2g}{verdict}")
        return ", ".join(words)


def read_explanations(answer: JsonAnswer, count: int) -> list[list[Explanation]]:
    """The explanations of each of `count` images: one, or several where `top_k` asked for them.

    Raises QueryError where the answer is not what the explainer's API promises.
    """
    return read_entries(answer, count, read_explanation)


def read_explanation(values: object, detail: Mapping[str, object], layer: str | None) -> Explanation:
    """Attributions and what the server says about them; raises QueryError where they are not numbers."""
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
    """One decimal, and never 100 % for what is less than certain."""
    percent = min(probability * 100, 99.9) if probability < 1 else 100.0
    return f"{percent:.1f} %"
