"""How many rows Captum passes through the model at once: no request may fill the memory."""

from __future__ import annotations

import math
from typing import Any

from captum_explainer.settings import Settings

BYTES_PER_NUMBER = 4

# A layer's rows are held here and not sent at once: as many calls' worth as stay far from a container's memory.
HELD_CALLS = 8


def limit_passes(
    values: dict[str, Any],
    instances: int,
    shape: tuple[int, ...],
    layer: tuple[int, ...],
    settings: Settings,
) -> None:
    """Choose `internal_batch_size` where it is null and all rows at once are many, and lower what is over the limit.

    Args:
        values: The parameters, changed in place.
        instances: How many one Captum call explains.
        shape: One instance's.
        layer: The layer's output's, of one instance; that of a single number where there is no layer.
        settings: The server's limits.
    """
    most = most_rows(shape, layer, settings.max_call_bytes)
    if "perturbations_per_eval" in values:
        values["perturbations_per_eval"] = max(1, min(values["perturbations_per_eval"], most // instances))
    if "internal_batch_size" in values:
        given = values["internal_batch_size"]
        if given is not None or instances * values["n_steps"] > most:
            # Captum takes no fewer rows than instances.
            values["internal_batch_size"] = max(instances, min(given or most, most))


def most_rows(shape: tuple[int, ...], layer: tuple[int, ...], max_call_bytes: int) -> int:
    """The rows of one call to the predictor, or fewer where a layer's outputs of so many are too much to hold."""
    sent, held = (BYTES_PER_NUMBER * math.prod(sizes) for sizes in (shape, layer))
    return max(1, min(max_call_bytes // sent, HELD_CALLS * max_call_bytes // held))
