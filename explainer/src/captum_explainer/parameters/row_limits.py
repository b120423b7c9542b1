"""Limits the rows that Captum passes through the model at once, so that no request fills the memory."""

import math
from typing import Any

from captum_serving.errors import BadInput

from captum_explainer.settings import Limits

BYTES_PER_NUMBER = 4

# A layer's outputs are held here, in bytes of this many calls: far below a container's memory.
HELD_CALLS = 8

# GradientSHAP puts all its samples into one pass. With 10,000 samples a wide layer took 8 GB.
UNDIVIDED_CALLS = 64


def limit_passes(
    values: dict[str, Any],
    instances: int,
    shape: tuple[int, ...],
    layer: tuple[int, ...],
    limits: Limits,
    rows_an_instance: int = 1,
) -> None:
    """Lower the rows per pass to the limit, and set a null `internal_batch_size` if all rows at once are too many.

    Args:
        values: The parameters, changed in place.
        instances: How many one Captum call explains.
        shape: The shape of one instance.
        layer: The shape of the layer's output for one instance; () without a layer.
        limits: The server's limits.
        rows_an_instance: The fewest rows per instance that Captum takes in a pass.

    Raises:
        BadInput: The method cannot divide its samples, and they are too many to hold.
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
    """The most rows of one pass: what one call to the predictor carries, or fewer if the layer's outputs are large."""
    sent, held = (BYTES_PER_NUMBER * math.prod(sizes) for sizes in (shape, layer))
    return max(1, min(max_call_bytes // sent, HELD_CALLS * max_call_bytes // held))


def check_undivided(what: str, count: int, shape: tuple[int, ...], layer: tuple[int, ...], limits: Limits) -> None:
    """Refuse too many rows for a method that passes them all at once.

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
