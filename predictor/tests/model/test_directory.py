import importlib
import re
import sys
from collections import OrderedDict

import numpy as np
import pytest
import torch
from captum_predictor.model.architectures import mnist_cnn
from captum_predictor.model.description import ModelDirectoryError
from captum_predictor.model.directory import load_model
from captum_predictor.model.saving import save_model
from safetensors.torch import load_file
from torch import nn


def test_the_fields_are_the_documents(own_directory):
    model = load_model(own_directory)
    assert (model.description.kind, model.description.labels) == ("image", tuple("0123456789"))
    assert (model.input_name, model.input_shape) == ("image", (1, 28, 28))
    assert (model.description.input.range, model.description.input.baseline) == ((0.0, 1.0), 0.0)
    assert [stage.name for stage in model.stages] == [name for name, _ in mnist_cnn().named_children()]
    assert re.fullmatch("[0-9a-f]{64}", model.digest)


def test_the_network_is_frozen_in_evaluation_mode_with_channels_last(own_directory):
    for stage in load_model(own_directory).stages:
        assert not any(module.training for module in stage.module.modules())
        for parameter in stage.module.parameters():
            assert not parameter.requires_grad
            assert parameter.dtype == torch.float32
            assert parameter.dim() != 4 or parameter.is_contiguous(memory_format=torch.channels_last)


def test_the_stages_in_turn_are_the_network_that_was_saved(tmp_path, mnist_document):
    network = mnist_cnn().eval()
    save_model(network, tmp_path / "m", mnist_document)
    value = images = torch.rand(20, 1, 28, 28)
    for stage in load_model(tmp_path / "m").stages:
        value = stage.module(value)
        assert value.shape[1:] == stage.shape
    torch.testing.assert_close(value, network(images), rtol=1e-5, atol=1e-6)


COLOUR = {"name": "image", "shape": [3, 8, 8], "range": [0, 255]}


def test_normalization_is_a_first_stage_and_gradients_are_in_the_inputs_units(save_users):
    network = nn.Sequential(OrderedDict(flatten=nn.Flatten(), logits=nn.Linear(192, 2)))
    statistics = {"mean": [120.0, 110.0, 100.0], "std": [50.0, 60.0, 70.0]}
    model = load_model(save_users(network, input=COLOUR, normalization=statistics), architectures="user_networks")
    assert [(stage.name, stage.kind, stage.shape) for stage in model.stages] == [
        ("normalization", "normalize", (3, 8, 8)),
        ("flatten", "flatten", (192,)),
        ("logits", "linear", (2,)),
    ]
    images = torch.randint(0, 256, (2, 3, 8, 8)).float().requires_grad_()
    value = images
    for stage in model.stages:
        value = stage.module(value)
    (gradient,) = torch.autograd.grad(value[:, 1].sum(), images)
    std = np.array(statistics["std"]).reshape(3, 1, 1)
    expected = network.logits.weight[1].detach().numpy().reshape(3, 8, 8) / std
    np.testing.assert_allclose(gradient[0].numpy(), expected, rtol=1e-5)


def test_an_in_place_module_leaves_its_source_as_it_is(save_users):
    network = nn.Sequential(nn.Flatten(), nn.Linear(784, 2), nn.ReLU(inplace=True), nn.Dropout(0.5, inplace=True))
    model = load_model(save_users(network), architectures="user_networks")
    source = torch.tensor([[-1.0, 1.0]])
    model.stages[2].module(source)
    assert source.tolist() == [[-1.0, 1.0]]


def test_batch_normalization_keeps_its_running_statistics(save_users):
    network = nn.Sequential(nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(784, 2))
    network(torch.rand(8, 1, 28, 28) * 3)
    model = load_model(save_users(network), architectures="user_networks")
    assert torch.equal(model.stages[0].module.running_mean, network[0].running_mean)


@pytest.mark.parametrize(("low_high", "baseline"), [((0, 1), 0.0), ((-1, 1), 0.0), ((2, 3), 2.0), ((-3, -2), -2.0)])
def test_the_baseline_is_the_number_of_the_range_that_is_nearest_to_zero(
    own_directory, write_document, low_high, baseline
):
    write_document(input={"name": "image", "shape": [1, 28, 28], "range": low_high})
    assert load_model(own_directory).description.input.baseline == baseline


def test_the_digest_is_of_what_decides_the_function(own_directory, write_document, change_weights):
    digest = load_model(own_directory).digest
    assert load_model(own_directory).digest == digest
    write_document(labels=[f"digit {digit}" for digit in range(10)])
    assert load_model(own_directory).digest == digest
    normalized = []
    for mean in (0.1, 0.2):
        write_document(normalization={"mean": [mean], "std": [1]})
        normalized.append(load_model(own_directory).digest)
    assert len({digest, *normalized}) == 3
    write_document()

    def flip_a_bit(tensors):
        tensors["logits.bias"].view(torch.uint8)[3] ^= 1

    change_weights(flip_a_bit)
    assert load_model(own_directory).digest != digest


CLASS = """from torch import nn
class Net(nn.Linear):
  def forward(self, x):
    return {sign}super().forward(x)
"""
FACTORY = """from torch import nn
__all__ = ["Net"]
def Net(in_features, out_features):
  linear = nn.Linear(in_features, out_features)
  linear.register_forward_hook(lambda module, inputs, output: {sign}output)
  return linear
"""


@pytest.mark.parametrize("source", [CLASS, FACTORY], ids=["class", "factory"])
def test_the_digest_takes_a_users_source_in(tmp_path, monkeypatch, source):
    monkeypatch.syspath_prepend(tmp_path)
    document = {
        "kind": "tensor",
        "architecture": "users_network:Net",
        "architecture_options": {"in_features": 3, "out_features": 2},
        "labels": ["a", "b"],
        "input": {"name": "row", "shape": [3], "range": [0, 1]},
    }
    save_model(nn.Linear(3, 2), tmp_path / "user", document)
    digests = []
    for sign in ("+", "-", "+"):
        (tmp_path / "users_network.py").write_text(source.format(sign=sign))
        sys.modules.pop("users_network", None)
        importlib.invalidate_caches()
        digests.append(load_model(tmp_path / "user", architectures="users_network").digest)
    del sys.modules["users_network"]
    assert digests[0] == digests[2] != digests[1]


def test_a_bad_document_is_refused_before_it_is_written(tmp_path, mnist_document):
    with pytest.raises(ModelDirectoryError, match="kind: got 'sound'"):
        save_model(mnist_cnn(), tmp_path / "m", {**mnist_document, "kind": "sound"})
    assert not (tmp_path / "m").exists()


def test_saving_takes_shared_and_channels_last_tensors(tmp_path, mnist_document):
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Linear(4, 4), nn.Linear(4, 4)).to(memory_format=torch.channels_last)
    network[2].weight = network[1].weight
    save_model(network, tmp_path / "m", mnist_document)
    saved = load_file(tmp_path / "m" / "model.safetensors")
    assert saved.keys() == network.state_dict().keys()
    assert all(torch.equal(saved[name], tensor) for name, tensor in network.state_dict().items())
