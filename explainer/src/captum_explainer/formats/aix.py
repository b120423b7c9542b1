"""The keys that KServe's AIX explainer took at the top level of a request, as parameters of ours."""

from __future__ import annotations

import contextlib
import math
from typing import Any, cast

from captum_serving.errors import BadInput

from captum_explainer.parameters.kinds import shown

AIX_KEYS = ("top_labels", "num_samples", "segmentation_alg", "positive_only", "min_weight")


def from_aix(document: dict[str, Any]) -> dict[str, Any]:
    """LIME's parameters, where the request has one of AIX's keys; numbers may be strings, as AIX's client sends them.

    `positive_only` and `min_weight` shape AIX's masks and nothing else, so they are checked here and not passed on.

    Raises:
        BadInput: A key's value is not of its kind.
    """
    given = {key: document[key] for key in AIX_KEYS if key in document}
    if not given:
        return {}
    parameters: dict[str, Any] = {"method": "lime"}
    if "top_labels" in given:
        parameters["top_k"] = _number(given, "top_labels", int)
    if "num_samples" in given:
        parameters["n_samples"] = _number(given, "num_samples", int)
    if "segmentation_alg" in given:
        parameters["segmentation"] = given["segmentation_alg"]
    if "min_weight" in given:
        _number(given, "min_weight", float)
    if "positive_only" in given and str(given["positive_only"]).lower() not in ("true", "false"):
        raise BadInput(f"positive_only is {shown(given['positive_only'])}; expected true or false")
    return parameters


def _number(given: dict[str, Any], key: str, kind: type[int] | type[float]) -> float:
    value = given[key]
    # Only text is converted: int() would cut a fraction off, and takes true for 1.
    with contextlib.suppress(ValueError):
        number = kind(value) if isinstance(value, str) else value
        if type(number) in (int, kind) and math.isfinite(number):
            return cast(float, number)
    raise BadInput(f"{key} is {shown(value)}; expected {'a whole number' if kind is int else 'a number'}")
