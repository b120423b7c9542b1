"""`python -m bench.harness.bare_images`: pictures explained as a user of Captum writes it, in a process of its own.

It reads `{"model", "method", "images", "samples", "calls"}` as JSON, and prints the milliseconds of each call, a list.
Methods have the names of the explainer's `method` parameter; `prediction` is the network's forward pass.
"""

import json
import sys
import warnings
from collections.abc import Callable
from functools import partial

import torch
from captum.attr import DeepLift, IntegratedGradients, KernelShap, Lime, Saliency
from torch import Tensor

from bench.harness.timed_calls import timed
from local.shipped_models import example_images, user_module

PREDICTION = "prediction"
METHODS = {
    "saliency": Saliency,
    "integrated_gradients": IntegratedGradients,
    "deep_lift": DeepLift,
    "kernel_shap": KernelShap,
    "lime": Lime,
}
# The sampling methods' segments: squares of so many pixels.
PATCH = 4
SEGMENTS_A_SIDE = 28 // PATCH
SAMPLES_AT_ONCE = 200


def main() -> None:
    """Measure one way once: a process that lives on would keep what its memory and threads happen to be."""
    warnings.filterwarnings("ignore")  # of Captum's hooks, and that several inputs are slow to sample: what users see
    asked = json.load(sys.stdin)
    calls = asked.pop("calls")
    print(json.dumps(timed(explaining(**asked), calls)))


def explaining(model: str, method: str, images: int, samples: int | None) -> Callable[[], Tensor]:
    """A call that explains the predicted classes of so many example pictures: float32 [images, 1, 28, 28]."""
    module, inputs = user_module(model), example_images(model, images)
    if method == PREDICTION:
        return partial(module, inputs)
    target = module(inputs).argmax(1)
    attribute = partial(METHODS[method](module).attribute, inputs, target=target)
    if samples is None:
        return attribute
    return partial(attribute, feature_mask=squares(), n_samples=samples, perturbations_per_eval=SAMPLES_AT_ONCE)


def squares() -> Tensor:
    """Which segment a pixel belongs to: int64 [1, 1, 28, 28], numbered by rows."""
    numbers = torch.arange(SEGMENTS_A_SIDE**2).reshape(SEGMENTS_A_SIDE, SEGMENTS_A_SIDE)
    return numbers.repeat_interleave(PATCH, 0).repeat_interleave(PATCH, 1)[None, None]


if __name__ == "__main__":
    main()
