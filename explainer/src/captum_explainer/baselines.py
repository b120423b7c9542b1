"""Where an explanation starts from: a request's `baselines` as tensors."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from captum_serving.errors import BadInput
from captum_serving.wire import numbers
from scipy.ndimage import gaussian_filter
from torch import Tensor

from captum_explainer.layout import find_layout

# Of the picture's longer side: enough that nothing is recognized.
BLUR = 0.15
# How many random baselines the SHAP family is given by the name "random".
RANDOM_BASELINES = 20
LARGEST = torch.finfo(torch.float32).max


def resolve_baselines(
    value: Any,  # noqa: ANN401 - JSON
    inputs: Tensor,
    kind: Literal["none", "one", "several"],
    value_range: tuple[float, float] | None,
    seed: int,
) -> list[Tensor]:
    """Each instance's baselines, float32 [1 or more, *input shape], in the input's units.

    Args:
        value: A number, a name, or an array: of one instance's shape, of all instances' shape, or for `several`
            [baselines, *input shape] for every instance alike.
        inputs: float32 [instances, *input shape].
        kind: What the method takes.
        value_range: What the model declares; `random` draws from it.
        seed: Of `random`.

    Raises:
        BadInput: The array fits neither an instance nor the batch, or holds NaN or infinity.
    """
    if kind == "none":
        return [torch.zeros_like(instance)[None] for instance in inputs]
    if isinstance(value, str):
        return [_named(value, instance, kind, value_range, seed) for instance in inputs]
    if isinstance(value, int | float):
        if abs(value) > LARGEST:
            raise BadInput(f"baselines is {value:g}; expected a number that fits float32")
        return [torch.full_like(instance, float(value))[None] for instance in inputs]
    array = torch.from_numpy(np.ascontiguousarray(numbers(value, "baselines"), dtype=np.float32))
    if not torch.isfinite(array).all():
        raise BadInput("baselines hold NaN or infinity; expected finite numbers")
    return _shaped(array, inputs, kind)


def _named(name: str, instance: Tensor, kind: str, value_range: tuple[float, float] | None, seed: int) -> Tensor:
    if name in ("zeros", "ones"):
        return torch.full_like(instance, float(name == "ones"))[None]
    if name == "mean":
        return torch.full_like(instance, float(instance.mean()))[None]
    if name == "blur":
        return torch.from_numpy(_blurred(instance.numpy()))[None]
    low, high = value_range or (float(instance.min()), float(instance.max()))
    generator = torch.Generator().manual_seed(seed)
    count = RANDOM_BASELINES if kind == "several" else 1
    return low + (high - low) * torch.rand((count, *instance.shape), generator=generator)


def _blurred(instance: np.ndarray) -> np.ndarray:
    layout = find_layout(instance.shape)
    if layout is None:
        raise BadInput(f"baselines is 'blur' and the instance's shape {list(instance.shape)} is no picture's")
    sigma = [BLUR * max(layout.height, layout.width)] * instance.ndim
    if layout.channel_axis is not None:
        sigma[layout.channel_axis] = 0.0
    return np.asarray(gaussian_filter(instance, sigma), dtype=np.float32)


def _shaped(array: Tensor, inputs: Tensor, kind: str) -> list[Tensor]:
    shape, count = tuple(inputs.shape[1:]), len(inputs)
    if array.numel() == inputs[0].numel() and _same_but_ones(tuple(array.shape), shape):
        return [array.reshape(1, *shape)] * count
    if kind == "several" and tuple(array.shape[1:]) == shape:
        return [array] * count
    if kind == "one" and tuple(array.shape) == tuple(inputs.shape):
        return list(array[:, None])
    several = f" or [baselines, {', '.join(map(str, shape))}]" if kind == "several" else f" or {list(inputs.shape)}"
    raise BadInput(f"baselines have the shape {list(array.shape)}; expected {list(shape)}{several}")


def _same_but_ones(first: tuple[int, ...], second: tuple[int, ...]) -> bool:
    return [size for size in first if size != 1] == [size for size in second if size != 1]
