import re

import numpy as np
import pytest
import torch
from captum_predictor.model.architectures import (
    ARCHITECTURES,
    ArchitectureError,
    build_network,
    fashion_cnn,
    mnist_cnn,
    use_channels_last,
)
from torch import nn


# The counts that Keras prints for Alibi's network, and PyTorch for the Captum tutorial's.
@pytest.mark.parametrize(
    ("build", "parameters"), [(mnist_cnn, 320 + 8_224 + 401_664 + 2_570), (fashion_cnn, 320 + 4_624 + 125_450)]
)
def test_the_networks_have_the_published_sizes(build, parameters):
    network = build()
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
    assert network(torch.rand(3, 1, 28, 28)).shape == (3, 10)


def test_the_stages_have_the_names_that_the_explainer_shows():
    mnist = "conv1 relu1 pool1 dropout1 conv2 relu2 pool2 dropout2 flatten linear1 relu3 dropout3 logits"
    fashion = "conv1 relu1 conv2 relu2 flatten logits"
    assert " ".join(name for name, _ in mnist_cnn().named_children()) == mnist
    assert " ".join(name for name, _ in fashion_cnn().named_children()) == fashion


def test_same_padding_of_an_even_kernel_is_below_and_to_the_right_as_in_keras():
    conv = mnist_cnn().conv1
    image = torch.rand(1, 1, 28, 28)
    padded = np.pad(image[0, 0].numpy(), ((0, 1), (0, 1)))
    weight, bias = conv.weight[5, 0].detach().numpy(), conv.bias[5].item()
    expected = [
        [(padded[y : y + 2, x : x + 2] * weight).sum() + bias for x in range(28)] for y in range(28)
    ]  # fmt: skip
    np.testing.assert_allclose(conv(image)[0, 5].detach().numpy(), expected, atol=1e-6)


def test_every_built_in_architecture_can_be_named():
    for name, build in ARCHITECTURES.items():
        assert build_network(name, {}).state_dict().keys() == build().state_dict().keys()


def test_an_import_path_is_called_with_the_options():
    network = build_network("torch.nn:Linear", {"in_features": 3, "out_features": 2, "bias": False})
    assert isinstance(network, nn.Linear)
    assert network.weight.shape == (2, 3)
    assert network.bias is None


@pytest.mark.parametrize(
    ("architecture", "options", "sentence"),
    [
        ("mnist_cn", {}, "'mnist_cn' is not known; did you mean 'mnist_cnn'? Known: fashion_cnn, mnist_cnn"),
        ("resnet", {}, "'resnet' is not known; Known: fashion_cnn, mnist_cnn, or an import path"),
        ("no_such_module:Net", {}, "could not be imported (ModuleNotFoundError: No module named 'no_such_module')"),
        ("torch.nn:Linnear", {}, "got nothing named 'Linnear' in torch.nn, expected a class or function"),
        ("torch:pi", {}, "got a float named 'pi' in torch, expected a class or function"),
        (":Net", {}, "could not be imported"),
        ("torch.nn:Linear", {"in_features": 3}, "could not be built with {'in_features': 3}: TypeError"),
        ("mnist_cnn", {"width": 3}, "could not be built with {'width': 3}: TypeError"),
        ("collections:OrderedDict", {}, "gave a OrderedDict, expected a torch.nn.Module"),
    ],
)
def test_an_architecture_that_cannot_be_had_is_a_sentence(architecture, options, sentence):
    with pytest.raises(ArchitectureError, match=re.escape(sentence)) as caught:
        build_network(architecture, options)
    assert "\n" not in str(caught.value)


def test_channels_last_reaches_two_dimensional_convolutions_beside_three_dimensional_ones():
    network = nn.ModuleList([nn.Conv2d(3, 4, 3), nn.Conv3d(3, 4, 3), nn.Linear(2, 2)])
    before = [parameter.clone() for parameter in network.parameters()]
    use_channels_last(network)
    assert network[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert all(torch.equal(*pair) for pair in zip(before, network.parameters(), strict=True))
