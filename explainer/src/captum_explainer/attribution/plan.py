"""What all Captum calls of one request have in common."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from captum_explainer.catalogue.path_integral import KnownIntegral
from captum_explainer.catalogue.resolve import Resolved
from captum_explainer.predictor_client.description import Description
from captum_explainer.settings import Settings
from captum_explainer.skeleton.answer_book import Known
from captum_explainer.skeleton.cuts import Cuts
from captum_explainer.skeleton.remote_segment import FarSighted, Segments


@dataclass(frozen=True)
class Task:
    """A resolved request: float32 inputs [instances, *input shape], and each instance's baselines [k, *input shape].

    `memos` keeps, by the instance's number, what was worked out for one of its targets and serves the others; `known`
    and `integral` are the answers that came with the scores. `far_sighted` computes the same segments, several by one
    call.
    """

    description: Description
    segments: Segments
    settings: Settings
    chosen: Resolved
    inputs: Tensor
    baselines: list[Tensor]
    memos: dict[int, dict[str, Any]] = field(default_factory=lambda: defaultdict(dict))
    known: Sequence[Known] = ()
    integral: KnownIntegral | None = None
    far_sighted: FarSighted | None = None

    @property
    def cuts(self) -> Cuts:
        """Where the method wants the model cut."""
        method = self.chosen.method
        return Cuts(self.chosen.get("layer"), method.nonlinearities, method.relevance, to_layer=not method.takes_target)
