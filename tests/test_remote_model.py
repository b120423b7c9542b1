"""A RemoteModel against the running predictor: what a notebook gets has the bits of Captum in process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import captum.attr
import numpy as np
import pytest
import torch
from captum_explainer import RemoteModel
from torch import Tensor, nn

from local.servers import ROOT, Pair
from tests.support.explaining import ask, examples
from tests.support.reference import Network, load_network

pytestmark = pytest.mark.usefixtures("one_thread")

# Of each method: what to call, and how many calls to the predictor it may take for three pictures.
METHODS: dict[str, tuple[Callable[[Any, Tensor], Tensor], int]] = {
    "Saliency": (lambda made, x: made.attribute(x, target=1), 2),
    "InputXGradient": (lambda made, x: made.attribute(x, target=[0, 1, 2]), 2),
    "IntegratedGradients": (lambda made, x: made.attribute(x, target=1, n_steps=8), 2),
    "GradientShap": (lambda made, x: made.attribute(x, torch.zeros_like(x), n_samples=3, target=1), 2),
    "DeepLift": (lambda made, x: made.attribute(x, target=1), 8),
    "DeepLiftShap": (lambda made, x: made.attribute(x, torch.zeros_like(x), target=1), 8),
    "GuidedBackprop": (lambda made, x: made.attribute(x, target=1), 8),
    "Deconvolution": (lambda made, x: made.attribute(x, target=1), 8),
    "Occlusion": (lambda made, x: made.attribute(x, (1, 14, 14), 14, target=1, perturbations_per_eval=4), 2),
    "LayerActivation": (lambda made, x: made.attribute(x), 3),
    "LayerGradCam": (lambda made, x: made.attribute(x, target=1), 4),
    "LayerDeepLift": (lambda made, x: made.attribute(x.clone().requires_grad_(), target=1), 7),
    "LayerConductance": (lambda made, x: made.attribute(x, target=1, n_steps=4), 4),
    "LayerIntegratedGradients": (lambda made, x: made.attribute(x, target=1, n_steps=4), 10),
    "NeuronGradient": (lambda made, x: made.attribute(x, (1, 5, 5)), 5),
    "GuidedGradCam": (lambda made, x: made.attribute(x, target=1), 12),
}


@pytest.fixture(scope="module")
def network(pair: Pair) -> Network:
    return load_network(ROOT / "models" / pair.name)


@pytest.fixture(scope="module")
def model(pair: Pair) -> RemoteModel:
    return RemoteModel(pair.predictor.url)


def explained(kind: str, module: nn.Module, inputs: Tensor) -> np.ndarray:
    layer = (module.get_submodule("conv2"),) if kind.startswith(("Layer", "Neuron")) or kind == "GuidedGradCam" else ()
    torch.manual_seed(0)
    np.random.seed(0)
    return METHODS[kind][0](getattr(captum.attr, kind)(module, *layer), inputs).detach().numpy()


def test_it_is_the_predictors_model(pair: Pair, model: RemoteModel, network: Network) -> None:
    assert model.name == pair.name
    assert model.labels == network.labels
    assert model.input_shape == (1, 28, 28)
    assert [name for name, _ in model.named_children()] == list(network.stages)
    assert model.digest == ask(pair, examples(pair.name)[:1]).document["model"]["digest"]


@pytest.mark.parametrize("kind", METHODS)
def test_captum_gives_the_bits_that_it_gives_in_process(
    pair: Pair, model: RemoteModel, network: Network, kind: str
) -> None:
    inputs = examples(pair.name)[:3]
    before = model.calls
    got = explained(kind, model, inputs)
    assert model.calls - before <= METHODS[kind][1]
    np.testing.assert_array_equal(
        got, explained(kind, network.module(separated="DeepLift" in kind), inputs), strict=True
    )
