"""Every explanation has the bits of Captum in process, on the module as the predictor loads it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from captum_explainer.catalogue.catalogue import catalogue
from torch import nn

from local.servers import ROOT, Pair
from tests.support.explaining import Answer, ask, examples
from tests.support.reference import ONE_BY_ONE, TOGETHER, Network, attributions, load_network

pytestmark = pytest.mark.usefixtures("one_thread")

LAYER_METHODS = [name for name, method in catalogue().items() if method.has_layer]
INPUT_METHODS = [name for name, method in catalogue().items() if not method.has_layer]
# Few, so that one instance's rows go to the predictor in a call under twelve rows and three instances' in one over.
FEW = {"n_steps": 5, "n_samples": 6}
FEWEST = {method: 2 if described.passes.across else 1 for method, described in catalogue().items()}
SOME_BASELINES = np.linspace(0, 1, 4 * 28 * 28, dtype=np.float32).reshape(4, 1, 28, 28).tolist()


@pytest.fixture(scope="module")
def network(pair: Pair) -> Network:
    return load_network(ROOT / "models" / pair.name)


def layers_of(network: Network, method: str) -> list[str]:
    """The layers at which Captum itself can do it."""
    if method == "layer_feature_ablation":
        return [layer for layer in ("conv2", "pool2", "relu3", "logits") if layer in network.shapes]
    if method == "layer_lrp":
        return [layer for layer, stage in network.stages.items() if type(stage) not in (nn.ReLU, nn.Dropout)]
    grid_only = method == "guided_grad_cam"
    return [layer for layer, shape in network.shapes.items() if len(shape) == 3 or not grid_only]


def few(method: str) -> dict[str, Any]:
    """Parameters that keep a method's calls small."""
    described = catalogue()[method]
    segmentation = {"segmentation": "grid"} if described.takes.segments else {}
    if method == "shapley_values":
        segmentation["n_segments"] = 4
    baselines = {"baselines": SOME_BASELINES[:2]} if described.takes.baselines == "distribution" else {}
    return segmentation | baselines | {name: value for name, value in FEW.items() if name in described.takes.parameters}


def with_layer(network: Network, method: str, layer: str) -> dict[str, Any]:
    """A request's parameters for a method at a layer, and for the neuron in the layer's middle."""
    parameters = {"method": method, "layer": layer, **few(method)}
    if catalogue()[method].family == "neuron":
        parameters["neuron"] = [size // 2 for size in network.shapes[layer]]
    return parameters


def expected(network: Network, inputs: torch.Tensor, answer: Answer) -> np.ndarray:
    """Captum's, for the classes that the network itself predicts."""
    target = network.scores(inputs).argmax(dim=1).tolist()
    return attributions(network, inputs, answer.parameters, target).numpy()


def test_every_method_has_a_reference() -> None:
    assert set(TOGETHER) | set(ONE_BY_ONE) == set(catalogue())


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("method", INPUT_METHODS)
def test_methods_are_captums_bit_for_bit(pair: Pair, network: Network, method: str, count: int) -> None:
    """One picture with the defaults, three with few samples."""
    inputs = examples(pair.name)[: max(count, FEWEST[method])]
    answer = ask(pair, inputs, method=method, **(few(method) if count > 1 else {}))
    np.testing.assert_array_equal(answer.values, expected(network, inputs, answer), strict=True)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("method", LAYER_METHODS)
def test_every_layer_is_captums_bit_for_bit(pair: Pair, network: Network, method: str, count: int) -> None:
    inputs = examples(pair.name)[: max(count, FEWEST[method])]
    for layer in layers_of(network, method):
        answer = ask(pair, inputs, **with_layer(network, method, layer))
        np.testing.assert_array_equal(
            answer.values, expected(network, inputs, answer), err_msg=f"at {layer}", strict=True
        )


@pytest.mark.parametrize(
    "parameters",
    [
        {"method": "saliency", "output": "probability", "abs": False},
        {"method": "input_x_gradient", "output": "probability"},
        {"method": "integrated_gradients", "output": "probability", "baselines": "mean"},
        {"method": "integrated_gradients", "n_steps": 20, "internal_batch_size": 7},
        {"method": "integrated_gradients", "n_steps": 30, "internal_batch_size": 45, "baselines": "blur"},
        {"method": "integrated_gradients", "n_steps": 120, "baselines": 0.5},
        *(
            {"method": "integrated_gradients", "n_steps": 10, "quadrature": f"riemann_{rule}"}
            for rule in ("left", "right", "middle", "trapezoid")
        ),
        {"method": "gradient_shap", "baselines": SOME_BASELINES, "stdevs": 0.1, "seed": 7},
        {"method": "gradient_shap", "output": "probability", "n_samples": 40},
        {"method": "deep_lift", "output": "probability", "baselines": "ones"},
        {"method": "deep_lift_shap", "output": "probability", "baselines": SOME_BASELINES},
        {"method": "deconvolution", "output": "probability"},
        {"method": "feature_permutation", "segmentation": "grid", "output": "probability", "seed": 5},
        {"method": "internal_influence", "layer": "conv2", "n_steps": 9, "internal_batch_size": 5, "baselines": "mean"},
        {"method": "layer_conductance", "layer": "relu2", "n_steps": 9, "internal_batch_size": 7},
        {"method": "layer_conductance", "layer": "conv1", "n_steps": 6, "output": "probability", "upsample": True},
        {"method": "layer_activation", "layer": "relu1", "upsample": True},
        {"method": "layer_feature_ablation", "layer": "conv2", "layer_baselines": 0.5, "perturbations_per_eval": 5},
        {"method": "layer_feature_ablation", "layer": "logits", "layer_mask": "units", "output": "probability"},
        {"method": "layer_gradient_shap", "layer": "relu2", "baselines": SOME_BASELINES, "stdevs": 0.1, "seed": 2},
        {"method": "neuron_conductance", "layer": "conv2", "neuron": [3, 4, 5], "output": "probability", "n_steps": 7},
        {"method": "shapley_value_sampling", "n_samples": 3, "perturbations_per_eval": 7, "output": "probability"},
        {"method": "shapley_values", "perturbations_per_eval": 3, "baselines": "mean"},
        {"method": "deep_lift", "baselines": SOME_BASELINES[:3]},
        {"method": "guided_backprop", "output": "probability"},
        {"method": "guided_grad_cam", "layer": "conv2", "output": "probability", "interpolate_mode": "bilinear"},
        {"method": "occlusion", "sliding_window_shapes": [1, 5, 9], "strides": [1, 5, 4], "baselines": 0.3},
        {
            "method": "occlusion",
            "output": "probability",
            "sliding_window_shapes": 7,
            "strides": 7,
            "perturbations_per_eval": 3,
        },
        {"method": "feature_ablation", "segmentation": "grid", "perturbations_per_eval": 5, "baselines": "mean"},
        {"method": "feature_ablation", "segmentation": "slic", "output": "probability"},
        {"method": "kernel_shap", "segmentation": "grid", "output": "probability", "n_samples": 60, "seed": 3},
        {"method": "kernel_shap", "segmentation": "slic", "n_samples": 60, "perturbations_per_eval": 7},
        {"method": "lime", "segmentation": "slic", "n_samples": 60, "alpha": 0.001, "baselines": "blur"},
        {"method": "lime", "segmentation": "grid", "output": "probability", "n_samples": 60, "seed": 5},
        {"method": "layer_grad_cam", "layer": "relu2", "relu_attributions": True, "upsample": True},
        {"method": "layer_grad_cam", "layer": "conv2", "attr_dim_summation": False, "output": "probability"},
        {"method": "layer_deep_lift", "layer": "conv2", "upsample": True, "interpolate_mode": "bicubic"},
        {"method": "layer_deep_lift", "layer": "relu2", "output": "probability", "baselines": "ones"},
        {
            "method": "layer_integrated_gradients",
            "layer": "conv1",
            "n_steps": 9,
            "internal_batch_size": 4,
            "output": "probability",
            "upsample": True,
            "interpolate_mode": "bilinear",
        },
        {
            "method": "neuron_integrated_gradients",
            "layer": "conv2",
            "neuron": [3, 4, 5],
            "baselines": "ones",
            "quadrature": "riemann_middle",
            "internal_batch_size": 8,
        },
        {"method": "neuron_gradient_shap", "layer": "logits", "neuron": 4, "baselines": SOME_BASELINES, "stdevs": 0.2},
    ],
    ids=lambda parameters: "-".join(str(value)[:20] for value in parameters.values()),
)
def test_parameters_are_captums_bit_for_bit(pair: Pair, network: Network, parameters: dict[str, Any]) -> None:
    inputs = examples(pair.name)[:3]
    answer = ask(pair, inputs, **parameters)
    np.testing.assert_array_equal(answer.values, expected(network, inputs, answer), strict=True)


@pytest.mark.parametrize(
    "method", [name for name, method in catalogue().items() if "smooth" in method.takes.parameters]
)
def test_the_noise_tunnel_is_captums_bit_for_bit(pair: Pair, network: Network, method: str) -> None:
    """Five noisy inputs, two at once; each instance has draws of its own."""
    inputs = examples(pair.name)[:2]
    at = with_layer(network, method, "conv2") if method in LAYER_METHODS else {"method": method, **few(method)}
    kind = ("smoothgrad", "smoothgrad_sq", "vargrad")[len(method) % 3]
    smooth = {"nt_type": kind, "nt_samples": 5, "nt_samples_batch_size": 2}
    answer = ask(pair, inputs, smooth=smooth, seed=3, **at)
    np.testing.assert_array_equal(answer.values, expected(network, inputs, answer), strict=True)
    assert answer.parameters["smooth"] == {**smooth, "stdevs": 0.15}
    assert ask(pair, inputs, **answer.parameters).body == answer.body


@pytest.mark.parametrize("method", ["saliency", "deep_lift", "gradient_shap"])
def test_targets_are_indices_labels_or_a_list(pair: Pair, network: Network, method: str) -> None:
    inputs = examples(pair.name)[:3]
    for target, indices in ((2, [2] * 3), (network.labels[7], [7] * 3), ([1, network.labels[8], 3], [1, 8, 3])):
        answer = ask(pair, inputs, method=method, target=target)
        reference = attributions(network, inputs, answer.parameters, indices).numpy()
        np.testing.assert_array_equal(answer.values, reference, strict=True)
        assert answer.parameters["target"] == indices
        assert [details["target_label"] for details in answer.details] == [network.labels[i] for i in indices]


@pytest.mark.parametrize("parameters", [{"method": "deep_lift"}, {"method": "kernel_shap", "n_samples": 60}])
def test_top_k_explains_the_likeliest_outputs(pair: Pair, network: Network, parameters: dict[str, Any]) -> None:
    inputs = examples(pair.name)[:2]
    answer = ask(pair, inputs, top_k=3, **parameters)
    ranked = network.scores(inputs).argsort(dim=1, descending=True)[:, :3]
    for k in range(3):
        reference = attributions(network, inputs, answer.parameters, ranked[:, k].tolist()).numpy()
        np.testing.assert_array_equal(answer.values[:, k], reference, strict=True)
    assert [[one["target"] for one in details] for details in answer.details] == ranked.tolist()


@pytest.mark.parametrize("output", ["logit", "probability"])
def test_details_are_the_networks_own(pair: Pair, network: Network, output: str) -> None:
    inputs = examples(pair.name)[:3]
    answer = ask(pair, inputs, method="deep_lift", output=output)
    logits, explained = network.scores(inputs), network.scores(inputs, output == "probability")
    at_baseline = network.scores(torch.zeros_like(inputs), output == "probability")
    for i, details in enumerate(answer.details):
        predicted = int(logits[i].argmax())
        assert (details["prediction"], details["prediction_label"]) == (predicted, network.labels[predicted])
        assert details["probability"] == pytest.approx(float(logits[i].softmax(0)[predicted]), abs=1e-6)
        assert details["score"] == pytest.approx(float(explained[i, predicted]), rel=1e-5)
        assert details["baseline_score"] == pytest.approx(float(at_baseline[i, predicted]), rel=1e-5)


def test_a_layer_without_height_and_width_has_no_guided_grad_cam(pair: Pair, network: Network) -> None:
    flat = [layer for layer in network.shapes if layer not in layers_of(network, "guided_grad_cam")]
    assert flat
    for layer in flat:
        answer = ask(pair, examples(pair.name)[:1], method="guided_grad_cam", layer=layer)
        assert answer.status == 400
        assert "expected a layer before the flatten" in answer.error
