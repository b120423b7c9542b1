import json
from collections import OrderedDict

import numpy as np
import pytest
import torch
from captum_predictor.graph.stages import Normalize, StageError, find_kind, split_into_stages
from torch import nn


def chain(**children):
    return nn.Sequential(OrderedDict(children)).eval()


def test_a_sequential_is_the_chain_of_its_children():
    network = chain(conv1=nn.Conv2d(3, 4, 3), relu1=nn.ReLU(), pool1=nn.MaxPool2d(2), flatten=nn.Flatten())
    stages = split_into_stages(network, (3, 8, 6))
    assert [(stage.name, stage.kind, stage.shape) for stage in stages] == [
        ("conv1", "conv2d", (4, 6, 4)),
        ("relu1", "relu", (4, 6, 4)),
        ("pool1", "max_pool2d", (4, 3, 2)),
        ("flatten", "flatten", (24,)),
    ]
    assert [stage.module for stage in stages] == list(network)


def test_a_description_is_what_the_wire_says():
    pool = split_into_stages(chain(pool1=nn.MaxPool2d((2, 1), stride=3)), (4, 9, 9))[0]
    assert json.loads(json.dumps(pool.describe())) == {
        "name": "pool1",
        "kind": "max_pool2d",
        "shape": [4, 3, 3],
        "options": {"kernel_size": [2, 1], "stride": 3, "padding": 0, "dilation": 1, "ceil_mode": False},
    }


NONLINEARITIES = {
    "relu": (nn.ReLU(inplace=True), nn.ReLU, (4, 6, 6)),
    "leaky_relu": (nn.LeakyReLU(0.3), nn.LeakyReLU, (4, 6, 6)),
    "elu": (nn.ELU(0.7), nn.ELU, (4, 6, 6)),
    "sigmoid": (nn.Sigmoid(), nn.Sigmoid, (4, 6, 6)),
    "tanh": (nn.Tanh(), nn.Tanh, (4, 6, 6)),
    "softplus": (nn.Softplus(2.0, 3.0), nn.Softplus, (4, 6, 6)),
    "softmax": (nn.Softmax(dim=2), nn.Softmax, (4, 6, 6)),
    "max_pool1d": (nn.MaxPool1d(3, 2, 1, ceil_mode=True), nn.MaxPool1d, (4, 6)),
    "max_pool2d": (nn.MaxPool2d((3, 2), (2, 1), (1, 0), 2), nn.MaxPool2d, (4, 6, 6)),
    "max_pool3d": (nn.MaxPool3d(2, padding=1), nn.MaxPool3d, (4, 6, 6, 6)),
}


@pytest.mark.parametrize("kind", NONLINEARITIES)
def test_the_options_rebuild_the_same_function(kind):
    module, rebuild, shape = NONLINEARITIES[kind]
    got_kind, options = find_kind(module)
    inputs = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))
    assert got_kind == kind
    rebuilt = rebuild(**json.loads(json.dumps(options)))
    assert torch.equal(rebuilt(inputs.clone()), module(inputs.clone()))


def test_linear_kinds_are_named():
    kinds = {
        "conv1d": nn.Conv1d(1, 1, 1),
        "conv2d": nn.Conv2d(1, 1, 1),
        "conv3d": nn.Conv3d(1, 1, 1),
        "linear": nn.Linear(1, 1),
        "flatten": nn.Flatten(),
        "dropout": nn.Dropout2d(),
        "avg_pool2d": nn.AvgPool2d(2),
        "adaptive_avg_pool2d": nn.AdaptiveAvgPool2d(1),
        "batch_norm1d": nn.BatchNorm1d(1),
        "batch_norm2d": nn.BatchNorm2d(1),
        "identity": nn.Identity(),
        "normalize": Normalize((0.5,), (0.5,), 3),
    }
    assert {name: find_kind(module) for name, module in kinds.items()} == {name: (name, {}) for name in kinds}


class Doubled(nn.ReLU):
    def forward(self, inputs):
        return 2 * super().forward(inputs)


@pytest.mark.parametrize("module", [Doubled(), nn.GELU(), nn.Softmax(), nn.Unflatten(1, (2, 2))])
def test_what_is_not_known_is_opaque(module):
    assert find_kind(module) == ("module", {})


def test_a_plain_sequential_inside_is_opened():
    network = chain(features=nn.Sequential(nn.Linear(4, 3), nn.ReLU()), head=chain(logits=nn.Linear(3, 2)))
    assert [stage.name for stage in split_into_stages(network, (4,))] == ["features_0", "features_1", "head_logits"]


def test_a_module_that_stands_twice_is_two_stages():
    relu = nn.ReLU()
    network = chain(linear1=nn.Linear(4, 4), relu1=relu, linear2=nn.Linear(4, 4), relu2=relu)
    assert [stage.name for stage in split_into_stages(network, (4,))] == ["linear1", "relu1", "linear2", "relu2"]


class Residual(nn.Sequential):
    def forward(self, inputs):
        return inputs + super().forward(inputs)


class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, inputs):
        return self.left(inputs) * self.right(inputs)


@pytest.mark.parametrize("network", [Residual(nn.Linear(4, 4), nn.ReLU()), Branches()])
def test_any_other_module_is_served_whole(network):
    (stage,) = split_into_stages(network.eval(), (4,))
    assert (stage.name, stage.kind, stage.shape, stage.module) == ("logits", "module", (4,), network)


def test_a_residual_block_in_a_chain_is_one_opaque_stage():
    network = chain(block=Residual(nn.Linear(4, 4), nn.ReLU()), logits=nn.Linear(4, 2))
    assert [(stage.name, stage.kind) for stage in split_into_stages(network, (4,))] == [
        ("block", "module"),
        ("logits", "linear"),
    ]


class Pair(nn.Module):
    def forward(self, inputs):
        return inputs, inputs


@pytest.mark.parametrize(
    ("network", "sentence"),
    [
        (chain(), r"without children, expected at least one stage"),
        (chain(conv1=nn.Conv2d(2, 4, 3)), r"stage 'conv1' cannot take an instance of shape \[3, 8, 8\]: RuntimeError"),
        (chain(flatten=nn.Flatten(0)), r"stage 'flatten' turns a batch of 2 into \[384\], expected a float tensor"),
        (chain(pair=Pair()), r"stage 'pair' turns a batch of 2 into tuple, expected a float tensor"),
        (chain(gradient=nn.ReLU()), r"two tensors would be called 'gradient'"),
        (chain(a=chain(b=nn.ReLU()), a_b=nn.ReLU()), r"two tensors would be called 'a_b'"),
    ],
)
def test_a_network_that_cannot_be_served_is_a_sentence(network, sentence):
    with pytest.raises(StageError, match=sentence) as caught:
        split_into_stages(network, (3, 8, 8))
    assert "\n" not in str(caught.value)


def test_normalize_is_per_channel():
    mean, std = (0.5, 0.25, 0.0), (0.1, 0.2, 2.0)
    images = np.random.default_rng(0).random((2, 3, 4, 5), np.float32)
    expected = np.stack([(images[:, c] - mean[c]) / std[c] for c in range(3)], axis=1)
    np.testing.assert_allclose(Normalize(mean, std, 3)(torch.from_numpy(images)).numpy(), expected, rtol=1e-6)
    assert not Normalize(mean, std, 3).state_dict()
