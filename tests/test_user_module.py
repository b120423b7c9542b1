"""Against a user's own module, in torch's default layout and with its default threads, answers differ by rounding.

Where the rounding turns a ReLU or the choice of a max-pool over, an image's attributions jump: such images are counted.
`KSERVE_CAPTUM_IMAGES=1000 KSERVE_CAPTUM_STEPS=50 pytest -s tests/test_user_module.py` prints the figures of
docs/accuracy.md; the defaults are fewer of both, for time.
"""

from __future__ import annotations

import os
from collections import OrderedDict

import numpy as np
import pytest
from captum.attr import DeepLift, IntegratedGradients, Saliency
from captum_predictor.model.architectures import ARCHITECTURES
from captum_predictor.training.data_sets import DATA_SETS, DataSetError, read_split
from safetensors.torch import load_file
from torch import Tensor, nn

from local.servers import ROOT, Pair
from tests.support.explaining import ask
from tests.support.reference import OwnTensor

IMAGES = int(os.environ.get("KSERVE_CAPTUM_IMAGES", "200"))
STEPS = int(os.environ.get("KSERVE_CAPTUM_STEPS", "10"))
BATCH = 20
TOLERANCE = 1e-5
# Of the images; each point of integrated gradients' path is one more chance to turn over, by a share of the whole.
ALLOWED = {"saliency": 0.01, "integrated_gradients": 0.001 * STEPS, "deep_lift": 0.01}
ARCHITECTURE = {"mnist": "mnist_cnn", "fashion-mnist": "fashion_cnn"}


@pytest.fixture(scope="module")
def images(pair: Pair) -> Tensor:
    """The test set's first images, float32 [IMAGES, 1, 28, 28] in 0..1."""
    try:
        split = read_split(DATA_SETS[pair.name], "t10k", may_download=False)
    except DataSetError as error:
        pytest.skip(str(error))
    return split.images[:IMAGES].float() / 255


@pytest.fixture(scope="module")
def module(pair: Pair) -> nn.Sequential:
    """The network as its author has it: nothing frozen, nothing laid out."""
    network = ARCHITECTURES[ARCHITECTURE[pair.name]]()
    network.load_state_dict(load_file(ROOT / "models" / pair.name / "model.safetensors"))
    assert isinstance(network, nn.Sequential)
    return network.eval()


def own_tensors(module: nn.Sequential) -> nn.Sequential:
    """The module with the identity that Captum's DeepLIFT needs before a max-pool."""
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    for name, part in module.named_children():
        if isinstance(part, nn.MaxPool2d):
            parts[f"own_{name}"] = OwnTensor()
        parts[name] = part
    return nn.Sequential(parts)


def users(module: nn.Sequential, method: str, inputs: Tensor) -> Tensor:
    """What the user's notebook gives for the predicted classes."""
    target = module(inputs).argmax(dim=1)
    if method == "saliency":
        return Saliency(module).attribute(inputs, target=target)
    if method == "integrated_gradients":
        return IntegratedGradients(module).attribute(inputs, target=target, n_steps=STEPS)
    return DeepLift(own_tensors(module)).attribute(inputs, target=target)


@pytest.mark.parametrize("method", list(ALLOWED))
def test_nearly_all_images_are_a_users_own(pair: Pair, images: Tensor, module: nn.Sequential, method: str) -> None:
    parameters = {"n_steps": STEPS} if method == "integrated_gradients" else {}
    errors = []
    for inputs in images.split(BATCH):
        answer = ask(pair, inputs, method=method, **parameters).values
        reference = users(module, method, inputs).detach().numpy()
        largest = np.abs(reference).max(axis=(1, 2, 3))
        errors.append(np.abs(answer - reference).max(axis=(1, 2, 3)) / largest)
    error = np.concatenate(errors)
    turned = error > TOLERANCE
    print(
        f"\n{pair.name} {method}: {len(error)} images, median {np.median(error):.1e}, {turned.sum()} turned over, "
        f"largest of the others {error[~turned].max():.1e}, of all {error.max():.1e}"
    )
    assert turned.sum() <= ALLOWED[method] * len(error)
    # An image that turned over is still the same picture.
    assert error.max() < 0.25
