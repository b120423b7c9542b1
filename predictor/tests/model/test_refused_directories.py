"""Model directories that cannot be served: one line that names the file, what was got and what was expected."""

import os
import pickle

import pytest
from captum_predictor.model.description import ModelDirectoryError
from captum_predictor.model.directory import load_model
from torch import nn


def assert_refused(directory, name, sentence, **how):
    with pytest.raises(ModelDirectoryError) as caught:
        load_model(directory, **how)
    message = str(caught.value)
    path = directory if directory.name == name else directory / name
    assert message.startswith(f"{path}: ")
    assert sentence in message
    assert "\n" not in message


INPUT = {"name": "image", "shape": [1, 28, 28], "range": [0.0, 1.0], "baseline": 0.0}
DOCUMENTS = {
    "unknown key": ({"label": []}, "key 'label' is not known; did you mean 'labels'? Known: kind, architecture, "),
    "unknown key inside": ({"input": {**INPUT, "size": 3}}, "input: key 'size' is not known; Known: name, shape"),
    "no architecture": ({"architecture": None}, "architecture is missing, expected the keys kind, architecture"),
    "no shape": ({"input": {"name": "image", "range": [0, 1]}}, "input.shape is missing, expected the keys name"),
    "a kind": ({"kind": "sound"}, "kind: got 'sound', expected 'image' or 'tensor'"),
    "a type": ({"labels": "abc"}, "labels: got 'abc', expected a list"),
    "a label's type": ({"labels": [1]}, "labels[0]: got 1, expected a string"),
    "no label": ({"labels": []}, "labels: got [], expected 1 or more entries"),
    "an empty label": ({"labels": [""]}, "labels[0]: got '', expected 1 or more characters"),
    "a label twice": ({"labels": ["a", "a"]}, "labels: got ['a', 'a'], expected every entry only once"),
    "a missing label": ({"labels": ["a", "b"]}, "labels: got 2, expected 10, the width of 'logits'"),
    "a size": ({"input": {**INPUT, "shape": [1, 28, 0]}}, "input.shape[2]: got 0, expected at least 1"),
    "a huge size": ({"input": {**INPUT, "shape": [1, 28, 10**9]}}, "expected at most 65536"),
    "not an image": (
        {"input": {**INPUT, "shape": [784]}},
        "input.shape: got [784], expected [channels, ",
    ),
    "another shape": ({"input": {**INPUT, "shape": [3, 28, 28]}}, "stage 'conv1' cannot take an instance of shape"),
    "a size that is no whole number": (
        {"input": {**INPUT, "shape": [1, 28, 28.0]}},
        "input.shape[2]: got 28.0, expected a whole number",
    ),
    "a size that is no number": (
        {"input": {**INPUT, "shape": [True, 28, 28]}},
        "input.shape[0]: got True, expected a whole number",
    ),
    "no number": ({"input": {**INPUT, "baseline": True}}, "input.baseline: got True, expected a number"),
    "NaN": ({"input": {**INPUT, "baseline": float("nan")}}, "input.baseline: got nan, expected a finite number"),
    "NaN among the options": ({"architecture_options": {"a": float("nan")}}, "expected finite numbers"),
    "an infinite range": ({"input": {**INPUT, "range": [0, float("inf")]}}, "input.range[1]: got inf, expected a fin"),
    "a short range": ({"input": {**INPUT, "range": [0]}}, "input.range[1] is missing"),
    "an input": ({"input": [28, 28]}, "input: got [28, 28], expected an object"),
    "a key twice wrong": (
        {"lables": [], "labels": None},
        "key 'lables' is not known; did you mean 'labels'? Known: kind, architecture, architecture_options, labels",
    ),
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
def test_a_bad_document_is_one_line(own_directory, write_document, case):
    changes, sentence = DOCUMENTS[case]
    write_document(**changes)
    assert_refused(own_directory, "model.json", sentence)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "cannot be read (EOF while parsing a value"),
        ("[1]", "the document: got [1], expected an object"),
        ('{"kind": NaN}', "kind: got nan, expected 'image' or 'tensor'"),
        ('{"kind": 1e999}', "kind: got inf, expected 'image' or 'tensor'"),
        ('{"kind": 1' + "0" * 400 + "}", "kind: got 1000000"),
        ("[" * 100_000, "cannot be read (recursion limit exceeded"),
        ("\ufffd".encode()[:1] + b"{}", "cannot be read ("),
    ],
)
def test_a_document_that_is_no_json_is_one_line(own_directory, text, sentence):
    (own_directory / "model.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert_refused(own_directory, "model.json", sentence)


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
def test_weights_that_do_not_fit_are_one_line(own_directory, change_weights, change, sentence):
    change_weights(change)
    assert_refused(own_directory, "model.safetensors", sentence)


@pytest.mark.parametrize("length", [0, 7, 100, 1000, -1])
def test_truncated_weights_are_one_line(own_directory, length):
    path = own_directory / "model.safetensors"
    path.write_bytes(path.read_bytes()[:length])
    assert_refused(own_directory, "model.safetensors", "cannot be read as safetensors")


def test_a_pickle_is_never_read(own_directory, tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    (own_directory / "model.safetensors").write_bytes(pickle.dumps(Trap()))
    assert_refused(own_directory, "model.safetensors", "cannot be read as safetensors")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("name", ["model.json", "model.safetensors"])
def test_a_missing_file_is_one_line(own_directory, name):
    (own_directory / name).unlink()
    assert_refused(own_directory, name, "the file is missing, expected")


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
    assert_refused(save_users(network), "model.json", sentence, architectures="user_networks")


def test_a_device_that_is_not_there_is_one_line(own_directory):
    assert_refused(own_directory, "mnist", "cannot be moved to device 'abacus'", device="abacus")
