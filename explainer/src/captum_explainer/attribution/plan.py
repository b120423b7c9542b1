"""A plan: what is explained together, and how. Each kind of model has its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from captum_explainer.attribution.answer_details import Details
from captum_explainer.catalogue.method import Attribution, Method
from captum_explainer.inputs.targets import Target


@dataclass(frozen=True)
class Scores:
    """The model's outputs as the predictor gives them: float32 [instances, outputs].

    `at_baselines` has float32 [baselines, outputs] for each instance; None for a method without baselines.
    """

    at_inputs: Tensor
    at_baselines: list[Tensor] | None


class Plan(Protocol):
    """The instances that are explained together, the method, and its parameters.

    A kind's plan is a subclass of it.
    """

    method: Method
    parameters: dict[str, Any]

    def score(self) -> Scores:
        """The first exchange: the scores of inputs and baselines."""
        ...

    def choose_targets(self, scores: Scores) -> list[list[Target]]:
        """What to explain for each instance: one target, or the `top_k` likeliest. Raises `BadInput`."""
        ...

    def take_output(self, scores: Tensor) -> Tensor:
        """Logits or probabilities [rows, outputs], as the request wants them explained."""
        ...

    def attribute(self, outputs: Sequence[int]) -> list[Attribution]:
        """One attribution for each instance, for the output given for it. Raises `BadInput`."""
        ...

    def measure(self, attribution: Attribution, instance: int, output: int) -> dict[str, float]:
        """The metrics that the request asks for; none where the kind has none."""
        return {}

    def describe(self, instance: int) -> dict[str, Any]:
        """What the details say about an instance beside its target and sums."""
        return {}

    def compose(self, attributions: Sequence[Attribution], details: Sequence[Details]) -> Any:  # noqa: ANN401 - JSON
        """One target's explanation, from its attributions and their details: one of each for each of its outputs."""
        ...

    def list_outputs(self, scores: Scores) -> np.ndarray:
        """The outputs that are explained, float32 [instances, outputs], for formats that show them."""
        ...

    def list_baselines(self) -> list[np.ndarray]:
        """Each instance's baselines, float32 [1 or more, *input shape], for formats that show them."""
        return []
