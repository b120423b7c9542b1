"""The parameters of methods that perturb a layer's output."""

import math

import torch
from torch import Tensor

from captum_explainer.parameters.parameter import Parameter, choice

MASKS = ("channels", "units")

LAYER_MASK: dict[str, Parameter] = {
    "layer_mask": choice("channels", MASKS, "what is perturbed together: a channel of the layer, or a single unit"),
}


def count_groups(shape: tuple[int, ...], layer_mask: str) -> int:
    """How many groups a layer's units make."""
    return shape[0] if layer_mask == "channels" else math.prod(shape)


def make_layer_mask(shape: tuple[int, ...], layer_mask: str) -> Tensor:
    """The group of each unit: int64 [1, *the layer's shape]."""
    if layer_mask == "units":
        return torch.arange(math.prod(shape)).reshape(1, *shape)
    return torch.arange(shape[0]).reshape(1, -1, *[1] * (len(shape) - 1)).expand(1, *shape).contiguous()
