"""LIME's parameters in AIX's requests, whose clients may send numbers as strings."""

import contextlib
from typing import Any, cast

from captum_serving.errors import BadInput
from captum_serving.sentences import shorten

from captum_explainer.settings import AixDefaults

# What JSON's whole numbers may be here; a string may have more digits.
LARGEST = 2**63
# AIX's answer always holds LIME's masks or words for the likeliest labels, so these cannot be asked for.
FIXED = ("target", "top_k")


def read_parameters(document: dict[str, Any], aix: AixDefaults, labels: int, **more: object) -> dict[str, Any]:
    """Read LIME's parameters from a request: AIX's keys, and above them the request's own `parameters`.

    Args:
        document: The request.
        aix: The defaults.
        labels: How many of the likeliest labels are explained by default.
        more: More parameters for this kind of instances.

    Raises:
        BadInput: A value is not a number, or `parameters` asks for something other than LIME.
    """
    own = document.get("parameters", {})
    if not isinstance(own, dict):
        raise BadInput('parameters is not an object; expected LIME\'s parameters, as in {"alpha": 1}')
    if own.get("method", "lime") != "lime" or any(key in own for key in FIXED):
        raise BadInput(
            f"AIX's format is answered by LIME, for its top_labels; expected none of method, {', '.join(FIXED)} "
            'in parameters, or "format": "captum"'
        )
    return {
        "method": "lime",
        "surrogate": "ridge",
        "output": "probability",
        "top_k": read_number(document, "top_labels", int, labels),
        "n_samples": read_number(document, "num_samples", int, aix.num_samples),
        **({"seed": read_number(document, "seed", int, 0)} if "seed" in document else {}),
        **more,
        **own,
    }


def read_number(document: dict[str, Any], key: str, kind: type[int] | type[float], default: float) -> float:
    """Read a key's number; without the key it is the default.

    Raises:
        BadInput: It is not a number, too large, or for `int` not whole.
    """
    value = document.get(key, default)
    # Only text is converted: int() would cut off a fraction, and turn true into 1.
    with contextlib.suppress(ValueError):
        number = kind(value) if isinstance(value, str) else value
        if type(number) in (int, kind) and abs(number) < LARGEST:
            return cast(float, number)
    raise BadInput(f"{key} is {shorten(value)}; expected {'a whole number' if kind is int else 'a number'}")
