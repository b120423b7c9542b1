"""What all Captum calls of one request have in common."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from captum_explainer.parameters.resolve import Resolved
from captum_explainer.predictor.description import Description
from captum_explainer.settings import Settings
from captum_explainer.skeleton.segment import Segments


@dataclass(frozen=True)
class Task:
    """A resolved request: float32 inputs [instances, *input shape], and each instance's baselines [k, *input shape].

    `memos` keeps, by the instance's number, what was worked out for one of its targets and serves the others.
    """

    description: Description
    segments: Segments
    settings: Settings
    chosen: Resolved
    inputs: Tensor
    baselines: list[Tensor]
    memos: dict[int, dict[str, Any]] = field(default_factory=lambda: defaultdict(dict))
