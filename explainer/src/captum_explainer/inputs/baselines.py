"""A request's `baselines` as tensors."""

from typing import Any, Literal

import numpy as np
import torch
from captum_serving.errors import BadInput
from captum_serving.protocol.json_numbers import read_numbers
from torch import Tensor

from captum_explainer.inputs.image_axes import find_layout

# The blur's standard deviation, as a share of the picture's longer side: enough to make it unrecognizable.
BLUR = 0.15
# How many random baselines "random" gives the SHAP family.
RANDOM_BASELINES = 20
LARGEST = torch.finfo(torch.float32).max


def resolve_baselines(
    value: Any,  # noqa: ANN401 - JSON
    inputs: Tensor,
    kind: Literal["none", "one", "several", "distribution"],
    value_range: tuple[float, float] | None,
    seed: int,
    most: int,
) -> list[Tensor]:
    """Each instance's baselines, float32 [1 or more, *input shape], in the input's units.

    Baselines that all instances share are one tensor, which is scored once.

    Args:
        value: A number, a name, or an array: of one instance's shape, of all instances' shape, or for `several`
            and `distribution` [baselines, *input shape] for every instance alike.
        inputs: float32 [instances, *input shape].
        kind: What the method takes.
        value_range: What the model declares; `random` draws from it.
        seed: For `random`.
        most: How many an instance may have (the server's limit, --max_samples).

    Raises:
        BadInput: The array fits neither an instance nor the batch, holds too many baselines, NaN or infinity, or a
            distribution has only one baseline.
    """
    if kind == "distribution":
        found = resolve_baselines(value, inputs, "several", value_range, seed, most)
        if len(found[0]) < 2:
            raise BadInput("there is one baseline; expected several: 'random', or an array [baselines, *input shape]")
        return found
    if kind == "none":
        return [torch.zeros_like(inputs[:1])] * len(inputs)
    if isinstance(value, str):
        return _make_named(value, inputs, kind, value_range, seed)
    if isinstance(value, int | float):
        if abs(value) > LARGEST:
            raise BadInput(f"baselines is {value:g}; expected a number that fits float32")
        return [torch.full_like(inputs[:1], float(value))] * len(inputs)
    array = torch.from_numpy(np.ascontiguousarray(read_numbers(value, "baselines"), dtype=np.float32))
    if not torch.isfinite(array).all():
        raise BadInput("baselines hold NaN or infinity; expected finite numbers")
    return _assign(array, inputs, kind, most)


def _make_named(
    name: str, inputs: Tensor, kind: str, value_range: tuple[float, float] | None, seed: int
) -> list[Tensor]:
    if name in ("zeros", "ones"):
        return [torch.full_like(inputs[:1], float(name == "ones"))] * len(inputs)
    if name == "mean":
        return [torch.full_like(instance, float(instance.mean()))[None] for instance in inputs]
    if name == "blur":
        return [torch.from_numpy(_blur(instance.numpy()))[None] for instance in inputs]
    count = RANDOM_BASELINES if kind == "several" else 1
    drawn = torch.rand((count, *inputs.shape[1:]), generator=torch.Generator().manual_seed(seed))
    if value_range is not None:
        return [_scale(*value_range, drawn)] * len(inputs)
    return [_scale(float(instance.min()), float(instance.max()), drawn) for instance in inputs]


def _scale(low: float, high: float, shares: Tensor) -> Tensor:
    return low + (high - low) * shares


def _blur(instance: np.ndarray) -> np.ndarray:
    # Imported here because SciPy takes most of a second to import, and only this needs it.
    from scipy.ndimage import gaussian_filter

    layout = find_layout(instance.shape)
    if layout is None:
        raise BadInput(
            f"baselines is 'blur' and the instance's shape {list(instance.shape)} is not a picture's; expected one"
        )
    sigma = [BLUR * max(layout.height, layout.width)] * instance.ndim
    if layout.channel_axis is not None:
        sigma[layout.channel_axis] = 0.0
    return np.asarray(gaussian_filter(instance, sigma), dtype=np.float32)


def _assign(array: Tensor, inputs: Tensor, kind: str, most: int) -> list[Tensor]:
    shape, count = tuple(inputs.shape[1:]), len(inputs)
    if array.squeeze().shape == inputs[0].squeeze().shape:
        return [array.reshape(1, *shape)] * count
    if kind == "several" and tuple(array.shape[1:]) == shape:
        if len(array) > most:
            raise BadInput(f"{len(array)} baselines; expected at most {most} (the server's limit, --max_samples)")
        return [array] * count
    if kind == "one" and tuple(array.shape) == tuple(inputs.shape):
        return list(array[:, None])
    several = f" or [baselines, {', '.join(map(str, shape))}]" if kind == "several" else f" or {list(inputs.shape)}"
    raise BadInput(f"baselines have the shape {list(array.shape)}; expected {list(shape)}{several}")
