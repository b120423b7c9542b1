import copy
import importlib
import json
import os
import pickle
import re
import sys
import types
from collections import OrderedDict

import numpy as np
import pytest
import torch
from captum_predictor.architectures import mnist_cnn
from captum_predictor.model_directory import ModelDirectoryError, load_model
from captum_predictor.model_saving import save_model
from safetensors.torch import load_file, save_file
from torch import nn

DOCUMENT = {
    "kind": "image",
    "architecture": "mnist_cnn",
    "labels": [str(digit) for digit in range(10)],
    "input": {"name": "image", "shape": [1, 28, 28], "range": [0.0, 1.0], "baseline": 0.0},
}


@pytest.fixture
def directory(tmp_path):
    torch.manual_seed(0)
    save_model(mnist_cnn(), tmp_path / "mnist", DOCUMENT)
    return tmp_path / "mnist"


def write_document(directory, **changes):
    document = {**DOCUMENT, **changes}
    kept = {key: value for key, value in document.items() if value is not None}
    (directory / "model.json").write_text(json.dumps(kept))


def change_weights(directory, change):
    path = directory / "model.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)


def test_the_fields_are_the_documents(directory):
    model = load_model(directory)
    assert (model.kind, model.labels) == ("image", tuple("0123456789"))
    assert (model.input_name, model.input_shape, model.input_range, model.baseline) == (
        "image",
        (1, 28, 28),
        (0.0, 1.0),
        0.0,
    )
    assert [stage.name for stage in model.stages] == [name for name, _ in mnist_cnn().named_children()]
    assert re.fullmatch("[0-9a-f]{64}", model.digest)


def test_the_network_is_frozen_in_evaluation_mode_with_channels_last(directory):
    for stage in load_model(directory).stages:
        assert not any(module.training for module in stage.module.modules())
        for parameter in stage.module.parameters():
            assert not parameter.requires_grad
            assert parameter.dtype == torch.float32
            assert parameter.dim() != 4 or parameter.is_contiguous(memory_format=torch.channels_last)


def test_the_stages_in_turn_are_the_network_that_was_saved(tmp_path):
    network = mnist_cnn().eval()
    save_model(network, tmp_path / "m", DOCUMENT)
    value = images = torch.rand(20, 1, 28, 28)
    for stage in load_model(tmp_path / "m").stages:
        value = stage.module(value)
        assert value.shape[1:] == stage.shape
    torch.testing.assert_close(value, network(images), rtol=1e-5, atol=1e-6)


def use_network(monkeypatch, network):
    """Let `user_networks:build` be a function that gives a copy of the network."""
    module = types.ModuleType("user_networks")
    module.build = lambda: copy.deepcopy(network)
    monkeypatch.setitem(sys.modules, "user_networks", module)
    return "user_networks:build"


@pytest.fixture
def save_users(tmp_path, monkeypatch):
    def save(network, **changes):
        document = {**DOCUMENT, "architecture": use_network(monkeypatch, network), "labels": ["cat", "dog"], **changes}
        save_model(network, tmp_path / "user", document)
        return tmp_path / "user"

    return save


COLOUR = {"name": "image", "shape": [3, 8, 8], "range": [0, 255]}


def test_normalization_is_a_first_stage_and_gradients_are_in_the_inputs_units(save_users):
    network = nn.Sequential(OrderedDict(flatten=nn.Flatten(), logits=nn.Linear(192, 2)))
    statistics = {"mean": [120.0, 110.0, 100.0], "std": [50.0, 60.0, 70.0]}
    model = load_model(save_users(network, input=COLOUR, normalization=statistics))
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
    model = load_model(save_users(network))
    source = torch.tensor([[-1.0, 1.0]])
    model.stages[2].module(source)
    assert source.tolist() == [[-1.0, 1.0]]


def test_batch_normalization_keeps_its_running_statistics(save_users):
    network = nn.Sequential(nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(784, 2))
    network(torch.rand(8, 1, 28, 28) * 3)
    model = load_model(save_users(network))
    assert torch.equal(model.stages[0].module.running_mean, network[0].running_mean)


@pytest.mark.parametrize(("low_high", "baseline"), [((0, 1), 0.0), ((-1, 1), 0.0), ((2, 3), 2.0), ((-3, -2), -2.0)])
def test_the_baseline_is_the_number_of_the_range_that_is_nearest_to_zero(directory, low_high, baseline):
    write_document(directory, input={"name": "image", "shape": [1, 28, 28], "range": low_high})
    assert load_model(directory).baseline == baseline


def test_the_digest_is_of_what_decides_the_function(directory):
    digest = load_model(directory).digest
    assert load_model(directory).digest == digest
    write_document(directory, labels=[f"digit {digit}" for digit in range(10)])
    assert load_model(directory).digest == digest
    normalized = []
    for mean in (0.1, 0.2):
        write_document(directory, normalization={"mean": [mean], "std": [1]})
        normalized.append(load_model(directory).digest)
    assert len({digest, *normalized}) == 3
    write_document(directory)

    def flip_a_bit(tensors):
        tensors["logits.bias"].view(torch.uint8)[3] ^= 1

    change_weights(directory, flip_a_bit)
    assert load_model(directory).digest != digest


CLASS = """from torch import nn
class Net(nn.Linear):
  def forward(self, x):
    return {sign}super().forward(x)
"""
FACTORY = """from torch import nn
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
        digests.append(load_model(tmp_path / "user").digest)
    del sys.modules["users_network"]
    assert digests[0] == digests[2] != digests[1]


INPUT = DOCUMENT["input"]
DOCUMENTS = {
    "unknown key": ({"label": []}, "key 'label' is not known; did you mean 'labels'? Known: kind, architecture, "),
    "unknown key inside": ({"input": {**INPUT, "size": 3}}, "input: key 'size' is not known. Known: name, shape"),
    "no architecture": ({"architecture": None}, "architecture is missing, expected the keys kind, architecture"),
    "no shape": ({"input": {"name": "image", "range": [0, 1]}}, "input.shape is missing, expected the keys name"),
    "a kind": ({"kind": "sound"}, "kind: got 'sound', expected one of image, tensor"),
    "a type": ({"labels": "abc"}, "labels: got 'abc', expected JSON of type array"),
    "a label's type": ({"labels": [1]}, "labels[0]: got 1, expected JSON of type string"),
    "no label": ({"labels": []}, "labels: got [], expected at least 1 entries"),
    "an empty label": ({"labels": [""]}, "labels[0]: got '', expected a string that is not empty"),
    "a label twice": ({"labels": ["a", "a"]}, "labels: got ['a', 'a'], expected every entry only once"),
    "a missing label": ({"labels": ["a", "b"]}, "labels: got 2, expected 10, the width of 'logits'"),
    "a size": ({"input": {**INPUT, "shape": [1, 28, 0]}}, "input.shape[2]: got 0, expected at least 1"),
    "a huge size": ({"input": {**INPUT, "shape": [1, 28, 10**9]}}, "expected at most 65536"),
    "not an image": (
        {"input": {**INPUT, "shape": [784]}},
        "input.shape: got [784], expected [channels, ",
    ),
    "another shape": ({"input": {**INPUT, "shape": [3, 28, 28]}}, "stage 'conv1' cannot take an instance of shape"),
    "a range": ({"input": {**INPUT, "range": [1, 1]}}, "input.range: got [1, 1], expected the lesser number first"),
    "a long range": ({"input": {**INPUT, "range": [0, 1, 2]}}, "input.range: got [0, 1, 2], expected at most 2"),
    "a baseline": ({"input": {**INPUT, "baseline": 2}}, "input.baseline: got 2, expected a number in [0, 1]"),
    "a deviation": ({"normalization": {"mean": [0], "std": [0]}}, "normalization.std[0]: got 0, expected more than 0"),
    "channels": ({"normalization": {"mean": [0, 0], "std": [1]}}, "normalization.mean: got 2 numbers, expected one"),
    "a stage named as the input": ({"input": {**INPUT, "name": "relu1"}}, "two tensors would be called 'relu1'"),
    "an architecture": ({"architecture": "mnist"}, "architecture: 'mnist' is not known; did you mean 'mnist_cnn'?"),
    "an option": ({"architecture_options": {"a": 1}}, "architecture: 'mnist_cnn' could not be built with {'a': 1}"),
}


@pytest.mark.parametrize("case", DOCUMENTS)
def test_a_bad_document_is_one_line(directory, case):
    changes, sentence = DOCUMENTS[case]
    write_document(directory, **changes)
    assert_refused(directory, "model.json", sentence)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "cannot be read (Expecting value"),
        ("[1]", "the document: got [1], expected JSON of type object"),
        ('{"kind": NaN}', "cannot be read (got the number NaN, expected a finite one)"),
        ('{"kind": 1e999}', "cannot be read (got the number 1e999, expected a finite one)"),
        ('{"kind": 1' + "0" * 400 + "}", "cannot be read ("),
        ("[" * 100_000, "cannot be read ("),
        ("\ufffd".encode()[:1] + b"{}", "cannot be read ("),
    ],
)
def test_a_document_that_is_no_json_is_one_line(directory, text, sentence):
    (directory / "model.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert_refused(directory, "model.json", sentence)


def rename(tensors):
    tensors["conv3.bias"] = tensors.pop("conv2.bias")


def reshape(tensors):
    tensors["conv2.bias"] = tensors["conv2.bias"][:31].clone()


def retype(tensors):
    tensors["conv2.bias"] = tensors["conv2.bias"].half()


def put_nan(tensors):
    tensors["linear1.weight"][3, 5:7] = float("nan")


def put_infinity(tensors):
    tensors["logits.bias"][0] = -float("inf")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (rename, "got tensors that are not in the network: conv3.bias; expected and not found: conv2.bias"),
        (
            dict.clear,
            "conv1.bias, conv1.weight, conv2.bias, conv2.weight, linear1.bias and 3 more",
        ),
        (reshape, "conv2.bias: got float32 [31], expected float32 [32]"),
        (retype, "conv2.bias: got float16 [32], expected float32 [32]"),
        (put_nan, "linear1.weight: got 2 of 401408 values NaN or infinite, expected finite numbers"),
        (put_infinity, "logits.bias: got 1 of 10 values NaN or infinite"),
    ],
)
def test_weights_that_do_not_fit_are_one_line(directory, change, sentence):
    change_weights(directory, change)
    assert_refused(directory, "model.safetensors", sentence)


@pytest.mark.parametrize("length", [0, 7, 100, 1000, -1])
def test_truncated_weights_are_one_line(directory, length):
    path = directory / "model.safetensors"
    path.write_bytes(path.read_bytes()[:length])
    assert_refused(directory, "model.safetensors", "cannot be read as safetensors")


def test_a_pickle_is_never_read(directory, tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    (directory / "model.safetensors").write_bytes(pickle.dumps(Trap()))
    assert_refused(directory, "model.safetensors", "cannot be read as safetensors")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("name", ["model.json", "model.safetensors"])
def test_a_missing_file_is_one_line(directory, name):
    (directory / name).unlink()
    assert_refused(directory, name, "the file is missing, expected")


def test_a_missing_directory_is_one_line(tmp_path):
    assert_refused(tmp_path / "none", "none", "not a directory, expected a folder with model.json")


@pytest.mark.parametrize(
    ("network", "sentence"),
    [
        (nn.Sequential(nn.Conv2d(1, 2, 28)), "stage '0': got an output of shape [2, 1, 1], expected [classes]"),
        (nn.Sequential(nn.BatchNorm2d(1, track_running_stats=False)), "'0' normalizes by the batch's own statistics"),
    ],
)
def test_a_network_that_is_no_classifier_is_one_line(save_users, network, sentence):
    assert_refused(save_users(network), "model.json", sentence)


def test_a_device_that_is_not_there_is_one_line(directory):
    assert_refused(directory, "mnist", "cannot be moved to device 'abacus'", device="abacus")


def assert_refused(directory, name, sentence, device="cpu"):
    with pytest.raises(ModelDirectoryError) as caught:
        load_model(directory, device)
    message = str(caught.value)
    path = directory if directory.name == name else directory / name
    assert message.startswith(f"{path}: ")
    assert sentence in message
    assert "\n" not in message


def test_a_bad_document_is_refused_before_it_is_written(tmp_path):
    with pytest.raises(ModelDirectoryError, match="kind: got 'sound'"):
        save_model(mnist_cnn(), tmp_path / "m", {**DOCUMENT, "kind": "sound"})
    assert not (tmp_path / "m").exists()


def test_saving_takes_shared_and_channels_last_tensors(tmp_path):
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Linear(4, 4), nn.Linear(4, 4)).to(memory_format=torch.channels_last)
    network[2].weight = network[1].weight
    save_model(network, tmp_path / "m", DOCUMENT)
    saved = load_file(tmp_path / "m" / "model.safetensors")
    assert saved.keys() == network.state_dict().keys()
    assert all(torch.equal(saved[name], tensor) for name, tensor in network.state_dict().items())
