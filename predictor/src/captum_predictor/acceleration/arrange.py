"""The fast order of a segment's steps."""

from collections.abc import Collection, Sequence

from captum_predictor.acceleration.channels_last_gradient import lay_out_gradients
from captum_predictor.acceleration.linear_as_convolution import leave_out_flattens
from captum_predictor.acceleration.pool_before_relu import put_pools_before_relus
from captum_predictor.acceleration.relu_in_place import overwrite_by_relus
from captum_predictor.graph.stages import Stage, Step, arrange_in_order


def arrange_fast(stages: Sequence[Stage], kept: Collection[str]) -> Sequence[Step]:
    """The stages' steps, rearranged for speed; the values of the stages that are kept, and of the last, stay."""
    steps = put_pools_before_relus(arrange_in_order(stages, kept), kept)
    return lay_out_gradients(overwrite_by_relus(leave_out_flattens(steps, kept)))
