import os
import re
import sys
import types

import numpy as np
import pytest
import torch
from captum_predictor.model.architectures import (
    ARCHITECTURES,
    ArchitectureError,
    build_network,
    fashion_cnn,
    list_architectures,
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


def test_a_modules_own_network_is_called_with_the_options():
    known = list_architectures("torch.nn.modules.linear")
    options = {"in_features": 3, "out_features": 2, "bias": False}
    network = build_network("torch.nn.modules.linear:Linear", options, known)
    assert isinstance(network, nn.Linear)
    assert network.weight.shape == (2, 3)
    assert network.bias is None


def test_a_module_offers_its_own_networks_and_the_functions_in_its_all(monkeypatch):
    def build():
        return nn.Identity()

    class Own(nn.Module):
        pass

    Own.__module__ = "users"
    module = types.ModuleType("users")
    imported = {"Linear": nn.Linear, "os": os, "system": os.system, "OrderedDict": dict}
    vars(module).update(imported, Own=Own, build=build, hidden=build, not_called=3)
    module.__all__ = ["build", "Linear", "system", "OrderedDict", "not_called", "missing"]
    monkeypatch.setitem(sys.modules, "users", module)
    assert list_architectures("users").keys() - ARCHITECTURES.keys() == {"users:Own", "users:build"}


@pytest.mark.parametrize(
    ("architecture", "options"),
    [
        ("os:system", {"command": "touch sprung"}),
        ("subprocess:run", {"args": ["touch", "sprung"]}),
        ("torch.hub:load", {"repo_or_dir": ".", "model": "Net", "source": "local"}),
        ("hubconf:Net", {}),
        ("torch.nn:Linear", {"in_features": 1, "out_features": 1}),
    ],
)
@pytest.mark.parametrize("module", [None, "torch.nn.modules.linear"])
def test_a_name_is_never_imported_nor_called(architecture, options, module, tmp_path, monkeypatch):
    (tmp_path / "hubconf.py").write_text("open('sprung', 'w')\nNet = object\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ArchitectureError, match="is not known"):
        build_network(architecture, options, list_architectures(module))
    assert not (tmp_path / "sprung").exists()


def test_a_module_that_cannot_be_imported_is_a_sentence():
    with pytest.raises(ArchitectureError, match="the module 'no_such' of --architectures could not be imported"):
        list_architectures("no_such")


@pytest.mark.parametrize(
    ("architecture", "options", "sentence"),
    [
        ("mnist_cn", {}, "'mnist_cn' is not known; did you mean 'mnist_cnn'? Known: fashion_cnn, mnist_cnn"),
        ("resnet", {}, "'resnet' is not known; Known: fashion_cnn, mnist_cnn"),
        ("my:Net", {}, "Known: fashion_cnn, mnist_cnn; the predictor's --architectures MODULE allows a module's own"),
        ("mnist_cnn", {"width": 3}, "could not be built with {'width': 3}: TypeError"),
    ],
)
def test_an_architecture_that_cannot_be_had_is_a_sentence(architecture, options, sentence):
    with pytest.raises(ArchitectureError, match=re.escape(sentence)) as caught:
        build_network(architecture, options)
    assert "\n" not in str(caught.value)


def test_a_function_that_makes_no_network_is_a_sentence():
    with pytest.raises(ArchitectureError, match=r"'m:f' gave a dict, expected a torch.nn.Module"):
        build_network("m:f", {}, {"m:f": dict})


def test_channels_last_reaches_two_dimensional_convolutions_beside_three_dimensional_ones():
    network = nn.ModuleList([nn.Conv2d(3, 4, 3), nn.Conv3d(3, 4, 3), nn.Linear(2, 2)])
    before = [parameter.clone() for parameter in network.parameters()]
    use_channels_last(network)
    assert network[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert all(torch.equal(*pair) for pair in zip(before, network.parameters(), strict=True))
