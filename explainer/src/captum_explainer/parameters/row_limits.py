"""How many rows Captum passes through the model at once: no request may fill the memory."""

from __future__ import annotations

import math
from typing import Any

from captum_serving.errors import BadInput

from captum_explainer.settings import Limits

BYTES_PER_NUMBER = 4

# A layer's rows are held here and not sent at once: as many calls' worth as stay far from a container's memory.
HELD_CALLS = 8

# GradientSHAP has no passes: all its samples are one. 10,000 of a wide layer took 8 GB.
UNDIVIDED_CALLS = 64


def limit_passes(
    values: dict[str, Any],
    instances: int,
    shape: tuple[int, ...],
    layer: tuple[int, ...],
    limits: Limits,
    rows_an_instance: int = 1,
) -> None:
    """Choose `internal_batch_size` where it is null and all rows at once are many, and lower what is over the limit.

    Args:
        values: The parameters, changed in place.
        instances: How many one Captum call explains.
        shape: One instance's.
        layer: The layer's output's, of one instance; that of a single number where there is no layer.
        limits: The server's limits.
        rows_an_instance: The fewest rows of a pass for each instance that Captum takes.

    Raises:
        BadInput: So many samples that a method cannot divide are too much to hold.
    """
    if "n_samples" in values and "perturbations_per_eval" not in values:
        check_undivided("n_samples is", values["n_samples"], shape, layer, limits)
    most = find_most_rows(shape, layer, limits.max_call_bytes)
    if "perturbations_per_eval" in values:
        values["perturbations_per_eval"] = max(1, min(values["perturbations_per_eval"], most // instances))
    if "internal_batch_size" in values:
        given = values["internal_batch_size"]
        many = instances * values["n_steps"] > most
        if given is not None or many:
            values["internal_batch_size"] = max(instances * rows_an_instance, min(given or most, most))


def find_most_rows(shape: tuple[int, ...], layer: tuple[int, ...], max_call_bytes: int) -> int:
    """The rows of one call to the predictor, or fewer where a layer's outputs of so many are too much to hold."""
    sent, held = (BYTES_PER_NUMBER * math.prod(sizes) for sizes in (shape, layer))
    return max(1, min(max_call_bytes // sent, HELD_CALLS * max_call_bytes // held))


def check_undivided(what: str, count: int, shape: tuple[int, ...], layer: tuple[int, ...], limits: Limits) -> None:
    """Refuse more rows than one pass may hold, of a method that makes all of them one pass.

    Raises:
        BadInput: The sentence begins with `what`.
    """
    row = BYTES_PER_NUMBER * max(math.prod(shape), math.prod(layer))
    most = max(1, UNDIVIDED_CALLS * limits.max_call_bytes // row)
    if count > most:
        raise BadInput(
            f"{what} {count}; expected at most {most} of this size, which are computed at once "
            "(the server's limit, --max_call_bytes)"
        )
