"""A linear layer behind a flatten of pictures: plain torch's function but for the last bits, without the flatten."""

import numpy as np
import pytest
import torch
from captum_predictor.acceleration.linear_as_convolution import PictureLinear, speed_up_behind_flatten
from captum_predictor.engine.run import run, run_with_gradient
from captum_predictor.graph.chain import Model
from captum_predictor.graph.stages import split_into_stages
from captum_predictor.model.architectures import build_network
from captum_predictor.model.directory import load_model
from captum_predictor.model.saving import save_model
from torch import nn

# What convolutions of the whole picture are bad at: no width a multiple of 16, one high or wide, few classes and many.
SHAPES = [((16, 28, 28), 10), ((32, 7, 7), 256), ((3, 32, 32), 33), ((20, 13, 9), 77), ((64, 1, 16), 100)]


def pair_of(shape, out_features):
    """A flatten and its linear layer, plain in float64 and fast; frozen."""
    torch.manual_seed(0)
    linear = nn.Linear(int(np.prod(shape)), out_features).eval().requires_grad_(False)
    plain = nn.Linear(linear.in_features, out_features).double().requires_grad_(False)
    plain.load_state_dict(linear.state_dict())
    _, fast = speed_up_behind_flatten(split_into_stages(nn.Sequential(nn.Flatten(), linear), shape), shape)
    assert isinstance(fast.module, PictureLinear)
    return plain, fast.module


def value_and_gradient(module, rows, cotangent):
    leaf = rows.clone().requires_grad_()
    value = module(leaf)
    return value.detach(), torch.autograd.grad(value, leaf, cotangent)[0]


@pytest.mark.parametrize("rows", [1, 2, 25])
@pytest.mark.parametrize("with_bias", [True, False])
@pytest.mark.parametrize(("shape", "out_features"), SHAPES)
def test_value_and_gradient_are_plain_torchs_in_float64(shape, out_features, with_bias, rows):
    plain, fast = pair_of(shape, out_features)
    if not with_bias:
        plain.bias = fast.bias = None
    flat, cotangent = torch.randn(rows, plain.in_features), torch.randn(rows, out_features)
    expected, reference = value_and_gradient(plain, flat.double(), cotangent.double())
    value, gradient = value_and_gradient(fast, flat, cotangent)
    torch.testing.assert_close(value.double(), expected, rtol=0, atol=5e-6 * float(expected.abs().max()))
    torch.testing.assert_close(gradient.double(), reference, rtol=0, atol=5e-6 * float(reference.abs().max()))


@pytest.mark.parametrize("rows", [1, 2, 25])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(("shape", "out_features"), SHAPES)
def test_pictures_have_the_bits_of_what_a_flatten_makes_of_them(shape, out_features, memory_format, rows):
    _, fast = pair_of(shape, out_features)
    pictures, cotangent = torch.randn(rows, *shape).to(memory_format=memory_format), torch.randn(rows, out_features)
    value, gradient = value_and_gradient(fast, pictures, cotangent)
    flat_value, flat_gradient = value_and_gradient(fast, pictures.flatten(1), cotangent)
    assert torch.equal(value, flat_value)
    assert torch.equal(gradient.flatten(1), flat_gradient)


@pytest.mark.parametrize(("shape", "out_features"), SHAPES)
def test_neither_rows_from_two_on_nor_threads_change_a_bit(shape, out_features):
    _, fast = pair_of(shape, out_features)
    pictures = torch.randn(50, *shape).to(memory_format=torch.channels_last)
    cotangent = torch.randn(50, out_features)

    def computed(at_once, threads):
        torch.set_num_threads(threads)
        parts = zip(pictures.split(at_once), cotangent.split(at_once), strict=True)
        pairs = [value_and_gradient(fast, *part) for part in parts]
        return [torch.cat(each) for each in zip(*pairs, strict=True)]

    before = torch.get_num_threads()
    try:
        value, gradient = computed(50, 1)
        for at_once, threads in ((2, 1), (5, 2), (12, 2), (25, 1), (25, 2), (25, 3), (25, 4)):
            again, gradient_again = computed(at_once, threads)
            assert torch.equal(again, value), (at_once, threads)
            assert torch.equal(gradient_again, gradient), (at_once, threads)
    finally:
        torch.set_num_threads(before)


def test_one_layer_behind_flattens_of_two_shapes_is_one_function():
    torch.manual_seed(0)
    linear = nn.Linear(512, 512).requires_grad_(False)
    network = nn.Sequential(nn.Flatten(), linear, nn.Unflatten(1, (2, 16, 16)), nn.Flatten(), linear).eval()
    pictures = torch.randn(3, 8, 8, 8)
    expected = network(pictures)
    stages = speed_up_behind_flatten(split_into_stages(network, (8, 8, 8)), (8, 8, 8))
    assert [isinstance(stage.module, PictureLinear) for stage in stages] == [False, True, False, False, True]
    assert torch.equal(network(pictures), expected), "the network itself stays what it was"
    model = Model("image", (8, 8, 8), stages, digest="ab" * 32)
    segment = model.find_segment("image", None)
    torch.testing.assert_close(run(segment, pictures, {})[segment.sink.name], expected, rtol=0, atol=1e-5)


class Own(nn.Linear):
    """Somebody's, which may compute something else."""


@pytest.mark.parametrize(
    ("input_shape", "modules"),
    [
        ((1, 28, 28), [nn.Flatten(), nn.Linear(784, 100)]),
        ((8, 5, 5), [nn.Flatten(), nn.Linear(200, 300)]),
        ((512, 1, 1), [nn.Flatten(), nn.Linear(512, 200)]),
        ((8, 28, 28), [nn.Flatten(), nn.utils.spectral_norm(nn.Linear(6272, 20))]),
        ((8, 28, 28), [nn.Flatten(), Own(6272, 20)]),
        ((8, 28, 28), [nn.Flatten(2), nn.Linear(784, 100)]),
        ((8, 784), [nn.Flatten(), nn.Linear(6272, 20)]),
        ((8, 28, 28), [nn.Flatten(), nn.ReLU(), nn.Linear(6272, 20)]),
        ((8, 4, 300), [nn.Linear(300, 300)]),
    ],
    ids=[
        "one channel",
        "small",
        "one pixel",
        "weight made by a hook",
        "own",
        "not of pictures",
        "no pictures",
        "something between",
        "no flatten",
    ],
)
def test_no_other_linear_layer_is_touched(input_shape, modules):
    network = nn.Sequential(*modules).eval().requires_grad_(False)
    stages = split_into_stages(network, input_shape)
    assert speed_up_behind_flatten(stages, input_shape) == stages


@pytest.mark.parametrize(
    ("architecture", "name", "behind"), [("mnist_cnn", "linear1", "relu3"), ("fashion_cnn", "logits", None)]
)
def test_a_loaded_model_has_it_and_no_flatten_is_run_that_nobody_asked_for(tmp_path, architecture, name, behind):
    document = {
        "kind": "image",
        "architecture": architecture,
        "labels": [str(i) for i in range(10)],
        "input": {"name": "image", "shape": [1, 28, 28], "range": [0, 1]},
    }
    save_model(build_network(architecture, {}), tmp_path, document)
    model = load_model(tmp_path)
    modules = {stage.name: stage.module for stage in model.stages}
    assert isinstance(modules[name], PictureLinear)
    flattened = []
    modules["flatten"].register_forward_hook(lambda *_: flattened.append(True))
    pictures = torch.rand(3, 1, 28, 28)
    segment = model.find_segment("image", behind)
    value = run(segment, pictures, {})[segment.sink.name]
    gradient = run_with_gradient(segment, segment, pictures, {}, lambda _: torch.ones_like(value))
    assert not flattened
    values = run(segment, pictures, {}, ["flatten"])
    assert flattened
    assert torch.equal(values[segment.sink.name], value)
    assert torch.equal(values["flatten"], run(model.find_segment("image", "flatten"), pictures, {})["flatten"])
    cotangent = torch.ones_like(value)
    again = run_with_gradient(segment, segment, pictures, {}, lambda _: cotangent, ["flatten"])
    assert torch.equal(again, gradient)
