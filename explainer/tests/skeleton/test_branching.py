"""A branching skeleton: a small residual network, cut at every ReLU, runs on the same exchanges and answer book."""

from collections import OrderedDict

import pytest
import torch
from captum.attr import DeepLift, GuidedBackprop, IntegratedGradients, LayerGradCam, Saliency
from captum_explainer.attribution.expected_cotangents import expect_targets
from captum_explainer.predictor_client.description import Stage
from captum_explainer.skeleton.answer_book import AnswerBook
from captum_explainer.skeleton.build import Skeleton, Step, find_gradient_format
from captum_explainer.skeleton.cuts import Piece, build_nonlinearity
from captum_explainer.skeleton.forward_pass import ForwardPass
from captum_explainer.skeleton.remote_segment import RemoteSegment
from torch import nn

TARGETS = [2, 0]
BRANCHES = {
    "conv2": ("relu1",),
    "skip": ("relu1",),
    "relu2": ("conv2",),
    "conv3": ("relu2",),
    "sum": ("conv3", "skip"),
}


class Add(nn.Module):
    def forward(self, left, right):
        return left + right


class Residual(nn.Module):
    """The network as it is in process."""

    def __init__(self, stages):
        super().__init__()
        for name, module in stages.items():
            self.add_module(name, module)

    def forward(self, rows):
        first = self.relu1(self.conv1(rows))
        skip = self.skip(first)
        inner = self.conv3(self.relu2(self.conv2(first)))
        return self.logits(self.flat(self.relu3(self.sum(inner, skip))))


@pytest.fixture
def modules():
    """The stages of the network, [2, 6, 6] to three scores; in channels_last, as a predictor has them."""
    torch.manual_seed(3)
    modules = OrderedDict(
        conv1=nn.Conv2d(2, 4, 3, padding=1),
        relu1=nn.ReLU(),
        conv2=nn.Conv2d(4, 5, 3, padding=1),
        skip=nn.Conv2d(4, 3, 1),
        relu2=nn.ReLU(),
        conv3=nn.Conv2d(5, 3, 3, padding=1),
        sum=Add(),
        relu3=nn.ReLU(),
        flat=nn.Flatten(),
        logits=nn.Linear(108, 3),
    )
    for module in modules.values():
        module.eval().requires_grad_(False).to(memory_format=torch.channels_last)
    return modules


@pytest.fixture
def residual(modules):
    return Residual(modules)


@pytest.fixture
def pictures():
    generator = torch.Generator().manual_seed(4)
    return torch.randn(2, 2, 6, 6, generator=generator).to(memory_format=torch.channels_last)


@pytest.fixture
def predictor(modules, make_predictor):
    return make_predictor(modules, BRANCHES)


@pytest.fixture
def book(predictor):
    return AnswerBook(predictor)


CONV = {
    name: Stage(name=name, kind="conv2d", shape=shape)
    for name, shape in {"conv1": (4, 6, 6), "conv2": (5, 6, 6)}.items()
}
SKIP, CONV3 = Stage(name="skip", kind="conv2d", shape=(3, 6, 6)), Stage(name="conv3", kind="conv2d", shape=(3, 6, 6))
RELU = {
    name: Stage(name=name, kind="relu", shape=shape) for name, shape in {"relu1": (4, 6, 6), "relu2": (5, 6, 6)}.items()
}
END = (Stage(name="flat", kind="flatten", shape=(108,)), Stage(name="logits", kind="linear", shape=(3,)))
# By level: all that lies between two levels of ReLUs is one piece.
PIECES = [
    Piece(("image",), ("conv1",), (CONV["conv1"],), remote=True),
    Piece(("conv1",), ("relu1",), (RELU["relu1"],), remote=False),
    Piece(("relu1",), ("conv2", "skip"), (CONV["conv2"], SKIP), remote=True),
    Piece(("conv2",), ("relu2",), (RELU["relu2"],), remote=False),
    Piece(("relu2", "skip"), ("sum",), (CONV3,), remote=True),
    Piece(("sum",), ("relu3",), (Stage(name="relu3", kind="relu", shape=(3, 6, 6)),), remote=False),
    Piece(("relu3",), ("logits",), END, remote=True),
]
FORWARD = [("image", "conv1"), ("relu1", ("conv2", "skip")), (("relu2", "skip"), "sum"), ("relu3", "logits")]
WHOLE = ("image", ("conv1", "conv2", "skip", "sum", "logits"), True)
PASS, BACK = [(*ends, False) for ends in FORWARD], [(*ends, True) for ends in reversed(FORWARD)]


@pytest.fixture
def skeleton(book):
    def build_module(piece):
        if not piece.remote:
            return build_nonlinearity(*piece.stages)
        return RemoteSegment(book, piece.sources, piece.sinks, find_gradient_format(piece.stages))

    return Skeleton("image", [Step(piece.name, piece.sources, piece.sinks, build_module(piece)) for piece in PIECES])


BASELINE = torch.full((2, 2, 6, 6), 0.1).to(memory_format=torch.channels_last)
# How a Captum method explains the network, and the exchanges of its backward pass.
METHODS = {
    "saliency": (lambda network, **given: Saliency(network).attribute(**given), BACK),
    "integrated_gradients": (lambda network, **given: IntegratedGradients(network).attribute(**given, n_steps=5), BACK),
    "deep_lift": (lambda network, **given: DeepLift(network).attribute(**given, baselines=BASELINE), BACK),
    "guided_backprop": (lambda network, **given: GuidedBackprop(network).attribute(**given), BACK),
    "grad_cam_before_the_branches": (
        lambda network, **given: LayerGradCam(network, network.relu1).attribute(**given),
        BACK[:3],
    ),
    "grad_cam_in_a_branch": (
        lambda network, **given: LayerGradCam(network, network.relu2).attribute(**given),
        BACK[:2],
    ),
    "grad_cam_behind_the_branches": (
        lambda network, **given: LayerGradCam(network, network.relu3).attribute(**given),
        BACK[:1],
    ),
}


def test_the_network_branches_as_its_predictor_does(residual, skeleton, predictor, pictures):
    assert torch.equal(skeleton(pictures), residual(pictures))
    assert predictor.asked == PASS


@pytest.mark.parametrize("method", METHODS)
def test_captum_finds_on_the_skeleton_what_it_finds_in_process(method, residual, skeleton, predictor, pictures):
    explain, back = METHODS[method]
    ours = explain(skeleton, inputs=pictures, target=TARGETS)
    assert torch.equal(ours, explain(residual, inputs=pictures, target=TARGETS))
    assert ours.abs().max() > 0
    assert predictor.asked == [*PASS, *back]


@pytest.mark.parametrize("method", METHODS)
def test_where_the_whole_pass_is_expected_it_comes_by_one_exchange_with_the_last_gradient(
    method, residual, skeleton, book, predictor, pictures
):
    explain, back = METHODS[method]
    book.expect(ForwardPass.find(PIECES), {"logits": expect_targets(TARGETS, 3)})
    ours = explain(skeleton, inputs=pictures, target=TARGETS)
    assert torch.equal(ours, explain(residual, inputs=pictures, target=TARGETS))
    assert predictor.asked == [WHOLE, *back[1:]]
