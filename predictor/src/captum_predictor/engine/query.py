"""What the engine is asked to compute."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from captum_predictor.engine.arrays import Array
from captum_predictor.engine.cotangents import Cotangents
from captum_predictor.engine.lanes import Priority
from captum_predictor.engine.path_integral import StraightPaths
from captum_predictor.graph.chain import Segment


@dataclass(frozen=True)
class Query:
    """A segment's value, and where there are cotangents a gradient; arrays have the stages' dtypes, and are finite.

    Attributes:
        segment: It begins at the source, and ends with the last stage whose value is wanted.
        source: `[rows, *source shape]`.
        priority: Predictions go first.
        extra_inputs: By name, with the source's rows.
        wanted: The stages of the segment whose values are wanted, beside the sink's.
        cotangents: None where no gradient is wanted.
        differentiated: The part of the segment whose gradient is wanted; None: the whole.
        paths: They end at the source's rows; the gradient is then the integral along each.
    """

    segment: Segment
    source: Array
    priority: Priority
    extra_inputs: Mapping[str, Array] = field(default_factory=dict)
    wanted: Collection[str] = ()
    cotangents: Cotangents | None = None
    differentiated: Segment | None = None
    paths: StraightPaths | None = None
