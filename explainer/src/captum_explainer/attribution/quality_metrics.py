"""How good an explanation is, by Captum's metrics: infidelity and maximal sensitivity."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from captum.metrics import infidelity, infidelity_perturb_func_decorator, sensitivity_max
from torch import Tensor, nn

from captum_explainer.attribution.plan import Task
from captum_explainer.catalogue.resolve import held_shape
from captum_explainer.parameters.row_limits import most_rows

# Attributions [rows, *input shape] of inputs [rows, *input shape], all for one target from the same baselines.
Explain = Callable[[Tensor], Tensor]


def quality_of(
    task: Task, skeleton: nn.Module, instance: int, target: int, values: Tensor, explain: Explain
) -> dict[str, float]:
    """The metrics that the request asks for, of one explanation.

    Args:
        task: The request.
        skeleton: The model, [rows, *input shape] to the scores that are explained.
        instance: Which of the inputs.
        target: The output that is explained.
        values: The attributions, float32 [1, *input shape].
        explain: Explains changed inputs by the same method, seed and target.
    """
    inputs, chosen = task.inputs[instance : instance + 1], task.chosen
    count = chosen["n_perturb_samples"]
    options = {"n_perturb_samples": count, "max_examples_per_batch": min(count, _rows_at_once(task))}
    found = {}
    if "infidelity" in chosen["metrics"]:
        baselines = None if chosen.method.baselines == "none" else task.baselines[instance].mean(0, keepdim=True)
        found["infidelity"] = infidelity(
            skeleton,
            _noisy(chosen["perturb_radius"], chosen["seed"], not chosen.method.slope),
            inputs,
            values,
            baselines=baselines,
            target=target,
            normalize=True,
            **options,
        )
    if "sensitivity" in chosen["metrics"]:
        found["sensitivity"] = sensitivity_max(
            lambda rows: (explain(rows[0]),),
            inputs,
            perturb_func=_moved(chosen["seed"]),
            perturb_radius=chosen["perturb_radius"],
            **options,
        )
    return {name: float(value) for name, value in found.items()}


def _rows_at_once(task: Task) -> int:
    """How many changed inputs are explained together, of which each may be many rows itself."""
    values = task.chosen.values
    held = held_shape(task.chosen.method, values.get("layer"), task.description)
    most = most_rows(tuple(task.inputs.shape[1:]), held, task.settings.max_call_bytes)
    if values.get("internal_batch_size") is not None:
        return min(most, int(values["internal_batch_size"]))
    rows = int(values.get("n_steps", 1) * values.get("perturbations_per_eval", 1))
    return max(1, most // rows)


def _noisy(deviation: float, seed: int, contributions: bool) -> Any:  # noqa: ANN401 - captum is untyped
    """Takes normal noise off; contributions are held to the noise's share of the way from the baseline."""
    generator = torch.Generator().manual_seed(seed)

    def perturb(inputs: Tensor, baselines: Tensor | None = None) -> Tensor:
        return inputs - deviation * torch.randn(inputs.shape, generator=generator)

    return infidelity_perturb_func_decorator(multiply_by_inputs=contributions)(perturb)


def _moved(seed: int) -> Callable[[Tensor, float], tuple[Tensor]]:
    """Captum's own changes for the sensitivity, by a generator that no other explanation draws from."""
    generator = torch.Generator().manual_seed(seed)

    def perturb(inputs: Tensor, radius: float) -> tuple[Tensor]:
        return (inputs + torch.empty(inputs.shape).uniform_(-radius, radius, generator=generator),)

    return perturb
