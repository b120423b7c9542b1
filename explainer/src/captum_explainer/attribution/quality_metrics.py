"""Measures an explanation by Captum's metrics: infidelity and maximal sensitivity."""

from collections.abc import Callable
from typing import Any

import torch
from captum.metrics import infidelity, infidelity_perturb_func_decorator, sensitivity_max
from torch import Tensor, nn

from captum_explainer.catalogue.resolve import Resolved

# Attributions [rows, *input shape] of inputs [rows, *input shape], all for one target from the same baselines.
Explain = Callable[[Tensor], Tensor]


def measure_quality(
    resolved: Resolved,
    model: nn.Module,
    inputs: Tensor,
    baselines: Tensor,
    target: int,
    values: Tensor,
    explain: Explain,
    most_rows: int,
) -> dict[str, float]:
    """The metrics that the request asks for, for one explanation.

    Args:
        resolved: The method and its parameters.
        model: [rows, *input shape] to the scores that are explained.
        inputs: The instance, float32 [1, *input shape].
        baselines: Its baselines, float32 [1 or more, *input shape].
        target: The output that is explained.
        values: The attributions, float32 [1, *input shape].
        explain: Explains changed inputs by the same method, seed and target.
        most_rows: The most rows of one pass.
    """
    count = resolved["n_perturb_samples"]
    options = {"n_perturb_samples": count, "max_examples_per_batch": min(count, _count_rows(resolved, most_rows))}
    found = {}
    if "infidelity" in resolved["metrics"]:
        found["infidelity"] = infidelity(
            model,
            _build_noise(resolved["perturb_radius"], resolved["seed"], not resolved.method.slope),
            inputs,
            values,
            baselines=None if resolved.method.takes.baselines == "none" else baselines.mean(0, keepdim=True),
            target=target,
            normalize=True,
            **options,
        )
    if "sensitivity" in resolved["metrics"]:
        found["sensitivity"] = sensitivity_max(
            lambda rows: (explain(rows[0]),),
            inputs,
            perturb_func=_build_shift(resolved["seed"]),
            perturb_radius=resolved["perturb_radius"],
            **options,
        )
    return {name: float(value) for name, value in found.items()}


def _count_rows(resolved: Resolved, most_rows: int) -> int:
    """How many changed inputs are explained together; each may be many rows itself."""
    values = resolved.values
    if values.get("internal_batch_size") is not None:
        return min(most_rows, int(values["internal_batch_size"]))
    rows = int(values.get("n_steps", 1) * values.get("perturbations_per_eval", 1))
    return max(1, most_rows // rows)


def _build_noise(deviation: float, seed: int, contributions: bool) -> Any:  # noqa: ANN401 - captum is untyped
    """A perturbation that subtracts normal noise; for contributions, scaled by the way from the baseline."""
    generator = torch.Generator().manual_seed(seed)

    def perturb(inputs: Tensor, baselines: Tensor | None = None) -> Tensor:
        return inputs - deviation * torch.randn(inputs.shape, generator=generator)

    return infidelity_perturb_func_decorator(multiply_by_inputs=contributions)(perturb)


def _build_shift(seed: int) -> Callable[[Tensor, float], tuple[Tensor]]:
    """Captum's perturbation for the sensitivity, with a generator of its own."""
    generator = torch.Generator().manual_seed(seed)

    def perturb(inputs: Tensor, radius: float) -> tuple[Tensor]:
        return (inputs + torch.empty(inputs.shape).uniform_(-radius, radius, generator=generator),)

    return perturb
