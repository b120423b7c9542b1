"""Against a user's own module, in torch's default layout and with its default threads, answers differ by rounding.

Where the rounding turns a ReLU or the choice of a max-pool over, an image's attributions jump: such images are counted.
`python -m bench accuracy` measures the figures of docs/accuracy.md in the same way, with more images and steps.
"""

from __future__ import annotations

import numpy as np
import pytest
from captum_predictor.training.data_sets import DATA_SETS, DataSetError, read_split
from torch import Tensor, nn

from bench.accuracy import FLIPPED, explain_by_captum, largest_errors
from local.servers import Pair
from local.shipped_models import user_module
from tests.support.explaining import ask

IMAGES, BATCH = 200, 20
STEPS = 10
# Of the images; each point of integrated gradients' path is one more chance to turn over, by a share of the whole.
ALLOWED = {"saliency": 0.01, "integrated_gradients": 0.001 * STEPS, "deep_lift": 0.01}


@pytest.fixture(scope="module")
def images(pair: Pair) -> Tensor:
    """The test set's first images, float32 [IMAGES, 1, 28, 28] in 0..1."""
    try:
        split = read_split(DATA_SETS[pair.name], "t10k", may_download=False)
    except DataSetError as error:
        pytest.skip(str(error))
    return split.images[:IMAGES].float() / 255


@pytest.fixture(scope="module")
def module(pair: Pair) -> nn.Module:
    """The network as its author has it: nothing frozen, nothing laid out."""
    return user_module(pair.name)


@pytest.mark.parametrize("method", list(ALLOWED))
def test_nearly_all_images_are_a_users_own(pair: Pair, images: Tensor, module: nn.Module, method: str) -> None:
    parameters = {"n_steps": STEPS} if method == "integrated_gradients" else {}
    error = np.concatenate(
        [
            largest_errors(
                ask(pair, inputs, method=method, **parameters).values,
                explain_by_captum(module, inputs, method, **parameters),
            )
            for inputs in images.split(BATCH)
        ]
    )
    assert (error > FLIPPED).sum() <= ALLOWED[method] * len(error)
    # An image that turned over is still the same picture.
    assert error.max() < 0.25
