"""A target, a layer, a neuron or a baseline that the model does not have."""

from __future__ import annotations

import pytest
import requests

from local.servers import Pair
from tests.bad_input.bodies import GREY, parameters, plane
from tests.bad_input.refusals import OF_ONE_WORKER_AND_OF_TWO, Case, assert_told, of_groups

pytestmark = OF_ONE_WORKER_AND_OF_TWO

LAYERS = "'conv1', 'relu1', 'pool1', 'dropout1', 'conv2'"

TARGETS = {
    "an unknown label": (parameters(target="boot"), 400, "the label 'boot'; expected an index, or one of '0', '1'"),
    "an index over": (parameters(target=10), 400, "target is 10; expected an index of 0 to 9"),
    "a negative index": (parameters(target=-1), 400, "target is -1"),
    "a fraction": (parameters(target=1.5), 400, "target is 1.5"),
    "a float": (parameters(target=1.0), 400, "target is 1.0"),
    "true": (parameters(target=True), 400, "target is True"),
    "an object": (parameters(target={}), 400, "target is {}"),
    "a list too long": (parameters(target=[1, 2]), 400, "target has 2 entries; expected 1, one per instance"),
    "an empty list": (parameters(target=[]), 400, "target is []"),
    "a nested list": (parameters(target=[[1]]), 400, "target is [[1]]"),
    "a list with an unknown label": (parameters(target=["boot"]), 400, "the label 'boot'"),
    "both a target and top_k": (parameters(target=1, top_k=2), 400, "both target and top_k are there"),
    "top_k over the outputs": (parameters(top_k=11), 400, "top_k is 11; expected at most 10"),
    "top_k of 0": (parameters(top_k=0), 400, "top_k is 0"),
}

LAYER_AND_NEURON = {
    "no layer": (parameters("layer_grad_cam"), 400, f"layer_grad_cam needs layer; expected one of {LAYERS}"),
    "an unknown layer": (
        parameters("layer_grad_cam", layer="conv9"),
        400,
        f"layer is 'conv9'; expected one of {LAYERS}",
    ),
    "the input as a layer": (parameters("layer_grad_cam", layer="image"), 400, f"expected one of {LAYERS}"),
    "a layer's number": (parameters("layer_grad_cam", layer=1), 400, "layer is 1; expected one of"),
    "a layer for a method without": (parameters(layer="conv1"), 400, "'layer' is not known"),
    "no neuron": (parameters("neuron_gradient", layer="conv1"), 400, "neuron_gradient needs neuron"),
    "a neuron without a layer": (parameters("neuron_gradient", neuron=1), 400, "neuron_gradient needs layer"),
    "a neuron outside": (
        parameters("neuron_gradient", layer="conv1", neuron=[64, 0, 0]),
        400,
        "neuron is [64, 0, 0]; expected an index into conv1's shape [64, 28, 28]",
    ),
    "a neuron of two dimensions": (
        parameters("neuron_gradient", layer="conv1", neuron=[0, 0]),
        400,
        "an index into conv1's shape",
    ),
    "one number for three dimensions": (parameters("neuron_gradient", layer="conv1", neuron=3), 400, "conv1's shape"),
    "a negative neuron": (parameters("neuron_gradient", layer="logits", neuron=-1), 400, "neuron is -1"),
    "a neuron that is true": (parameters("neuron_gradient", layer="logits", neuron=[True]), 400, "neuron is [True]"),
    "a neuron as a float": (parameters("neuron_gradient", layer="logits", neuron=[0.0]), 400, "neuron is [0.0]"),
    "relevance at a ReLU": (
        parameters("layer_lrp", layer="relu1"),
        400,
        "layer_lrp: Captum keeps no relevance at 'relu1', a ReLU; expected the stage before it",
    ),
    "a metric of a layer": (
        parameters("layer_lrp", layer="conv1", metrics=["infidelity"]),
        400,
        "attributes the score to the input, for each instance alone; layer_lrp is a layer method",
    ),
    "a target of an activation": (
        parameters("layer_activation", layer="conv1", target=3),
        400,
        "'target' is not known",
    ),
    "guided Grad-CAM at a flat layer": (parameters("guided_grad_cam", layer="linear1"), 400, "has no height and width"),
    "upsampling a flat layer": (
        parameters("layer_integrated_gradients", layer="linear1", upsample=True),
        400,
        "upsample: the attributions have the shape [256]",
    ),
}

BASELINES = {
    "an array of another shape": (
        parameters("integrated_gradients", baselines=[[0.0]]),
        400,
        "baselines have the shape [1, 1]; expected [1, 28, 28]",
    ),
    "several for a method with one": (
        parameters("integrated_gradients", baselines=[[GREY], [GREY]]),
        400,
        "baselines have the shape [2, 1, 28, 28]",
    ),
    "an empty list": (parameters("integrated_gradients", baselines=[]), 400, "baselines is []"),
    "an unknown name": (parameters("integrated_gradients", baselines="zero"), 400, "'zeros', 'ones', 'mean', 'blur'"),
    "ragged": (parameters("deep_lift", baselines=[[1, 2], [3]]), 400, "baselines: rows of different length"),
    "strings": (parameters("deep_lift", baselines=plane("a")), 400, "baselines: holds something that is not a number"),
    "a number over float32": (parameters("integrated_gradients", baselines=1e39), 400, "that fits float32"),
    "an array over float32": (
        parameters("integrated_gradients", baselines=plane(1e39)),
        400,
        "baselines hold NaN or infinity",
    ),
    "one for a method with a distribution": (
        parameters("deep_lift_shap", baselines=0.5),
        400,
        "there is one baseline; expected several: 'random', or an array",
    ),
    "true": (parameters("occlusion", baselines=True), 400, "baselines is True"),
}

CASES = of_groups(
    {
        "target": TARGETS,
        "layer": LAYER_AND_NEURON,
        "baselines": BASELINES,
    }
)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_mistake_about_the_model_is_told(case: Case, pair: Pair, session: requests.Session) -> None:
    assert_told(case, pair, session)
