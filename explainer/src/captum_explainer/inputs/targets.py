"""Which output of the model is explained."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from captum_serving.errors import BadInput
from captum_serving.sentences import shorten
from torch import Tensor

from captum_explainer.predictor_client.description import Description
from captum_explainer.predictor_client.exchange import Array, Rows


@dataclass(frozen=True)
class Target:
    """What one explanation is about.

    Attributes:
        outputs: Indices into the model's flat output: one, or for question answering those of the start and the end.
        value: How the answer's parameters name it, so that it can be sent back.
        details: Which it is, for the answer's details.
    """

    outputs: tuple[int, ...]
    value: Any
    details: dict[str, Any] = field(default_factory=dict)


def resolve_targets(
    target: Any,  # noqa: ANN401 - JSON
    top_k: int | None,
    scores: Tensor,
    description: Description,
) -> list[list[int]]:
    """Each instance's outputs to explain: one, or the `top_k` likeliest.

    Args:
        target: An index, a label (a string is always a label), None for the predicted class, or a list with one of
            these for each instance.
        top_k: How many, instead of a target.
        scores: [instances, outputs].
        description: The model, for its labels.

    Raises:
        BadInput: There is no such output, or the list has another length than the instances.
    """
    count, width = scores.shape
    if top_k is not None:
        if target is not None:
            raise BadInput("both target and top_k are there; expected one of them")
        if top_k > width:
            raise BadInput(f"top_k is {top_k}; expected at most {width}, the model's outputs")
        ranked: list[list[int]] = scores.argsort(dim=1, descending=True, stable=True)[:, :top_k].tolist()
        return ranked
    predicted = scores.argmax(dim=1).tolist()
    return [
        [guess if one is None else _find_output(one, width, description)]
        for one, guess in zip(split_target(target, count), predicted, strict=True)
    ]


def split_target(target: Any, count: int) -> list[Any]:  # noqa: ANN401 - JSON
    """Each instance's target: one for all, or a list with one per instance.

    Raises:
        BadInput: The list has another length.
    """
    if not isinstance(target, list):
        return [target] * count
    if len(target) != count:
        raise BadInput(f"target has {len(target)} entries; expected {count}, one per instance")
    return target


def find_given_targets(
    target: Any,  # noqa: ANN401 - JSON
    top_k: int | None,
    count: int,
    description: Description,
) -> list[int] | None:
    """Each instance's output to explain; None if that depends on the scores.

    Raises:
        BadInput: As `resolve_targets`.
    """
    unknown = target is None or (isinstance(target, list) and None in target)
    if unknown or top_k is not None or description.output_width is None:
        return None
    return [
        index for (index,) in resolve_targets(target, None, torch.zeros(count, description.output_width), description)
    ]


def one_hot(targets: Sequence[int] | Array, width: int) -> Rows:
    """A row for each target, which is 1 there and 0 elsewhere: float32 [targets, width]."""
    rows = np.zeros((len(targets), width), np.float32)
    rows[np.arange(len(targets)), targets] = 1.0
    return rows


def _find_output(target: int | str, width: int, description: Description) -> int:
    if isinstance(target, str):
        if target not in description.labels:
            known = ", ".join(repr(label) for label in description.labels) or "none: the model has no labels"
            raise BadInput(f"target is the label {shorten(target)}; expected an index, or one of {known}")
        return description.labels.index(target)
    if target >= width:
        raise BadInput(f"target is {target}; expected an index of 0 to {width - 1}")
    return target
