"""Explanations of pictures in our own format: every method, its parameters, layers, metrics."""

from collections.abc import Iterator, Mapping
from typing import Any

from tools.compared_requests.asked import Asked, explain, read_pixels

# The methods that a model has, each with the JSON schemas of its parameters: what the catalogue says.
Methods = Mapping[str, Mapping[str, Any]]

FEW = {"n_steps": 5, "n_samples": 8, "segmentation": "grid"}
OF_ONE_ANOTHER = ("feature_permutation",)
NOISE = ("smoothgrad", "smoothgrad_sq", "vargrad")
SEVERAL_BASELINES = [[[[value] * 28] * 28] for value in (0.0, 0.5, 1.0)]
INTEGRATED: dict[str, Any] = {"method": "integrated_gradients", "n_steps": 9}

PARAMETERS: list[dict[str, Any]] = [
    {},
    *({"baselines": value} for value in ("zeros", "ones", "mean", "blur", "random", 0.25)),
    {**INTEGRATED, "baselines": SEVERAL_BASELINES},
    *({**INTEGRATED, "quadrature": f"riemann_{rule}"} for rule in ("left", "right", "middle", "trapezoid")),
    {**INTEGRATED, "internal_batch_size": 4},
    {"method": "integrated_gradients", "n_steps": 120},
    *({**INTEGRATED, "target": target} for target in (2, [1, None, 3])),
    {"method": "saliency", "abs": False, "target": 5},
    {"method": "deep_lift", "baselines": "ones", "target": [1, 2, 3]},
    {"method": "deep_lift_shap", "baselines": SEVERAL_BASELINES},
    {"method": "gradient_shap", "baselines": SEVERAL_BASELINES, "n_samples": 9, "stdevs": 0.1, "seed": 7},
    {"method": "occlusion", "sliding_window_shapes": [1, 5, 9], "strides": [1, 5, 4], "baselines": 0.3},
    {"method": "feature_ablation", "segmentation": "slic", "perturbations_per_eval": 5, "baselines": "mean"},
    {"method": "feature_ablation", "segmentation": "quickshift"},
    {"method": "kernel_shap", "segmentation": "slic", "n_samples": 40, "perturbations_per_eval": 7, "seed": 3},
    {"method": "lime", "segmentation": "grid", "n_samples": 40, "alpha": 0.001, "baselines": "blur"},
    {"method": "lime", "segmentation": "quickshift", "n_samples": 40, "surrogate": "ridge"},
    {"method": "shapley_values", "n_segments": 4, "perturbations_per_eval": 3, "baselines": "mean"},
    *({"method": method, "top_k": 3} for method in ("saliency", "deep_lift", "guided_backprop", "layer_grad_cam")),
    {**INTEGRATED, "top_k": 3},
    {"method": "kernel_shap", "segmentation": "grid", "n_samples": 20, "top_k": 2},
    {**INTEGRATED, "top_k": 2, "output": "probability", "smooth": {"nt_samples": 2}},
]
LAYERS = ("conv1", "relu1", "relu2", "flatten", "logits")
AT_EVERY_LAYER = ("layer_activation", "layer_integrated_gradients", "layer_deep_lift", "layer_gradient_x_activation")
LAYERED: list[dict[str, Any]] = [
    *({"method": method, "layer": layer} for method in AT_EVERY_LAYER for layer in LAYERS),
    {"method": "layer_activation", "layer": "relu1", "upsample": True},
    {"method": "layer_grad_cam", "layer": "relu2", "relu_attributions": True, "upsample": True},
    {"method": "layer_grad_cam", "layer": "conv2", "attr_dim_summation": False, "output": "probability"},
    {"method": "layer_deep_lift", "layer": "conv2", "upsample": True, "interpolate_mode": "bicubic"},
    {"method": "guided_grad_cam", "layer": "conv2", "interpolate_mode": "bilinear"},
    {"method": "layer_feature_ablation", "layer": "logits", "layer_mask": "units", "layer_baselines": 0.5},
    {"method": "neuron_gradient", "layer": "logits", "neuron": 4},
    {"method": "neuron_deep_lift", "layer": "relu1", "neuron": [0, 5, 5]},
]
METRICS: list[dict[str, Any]] = [
    {"method": "saliency", "metrics": ["infidelity", "sensitivity"]},
    {**INTEGRATED, "metrics": ["infidelity"], "n_perturb_samples": 5, "perturb_radius": 0.1},
    {"method": "deep_lift", "metrics": ["sensitivity"], "n_perturb_samples": 3, "seed": 2},
    {"method": "kernel_shap", "n_samples": 20, "segmentation": "grid", "metrics": ["sensitivity"]},
]


def list_explanations(model: str, methods: Methods) -> Iterator[Asked]:
    """Every method with its defaults, with few samples, of a probability and through noise; and parameters by hand."""
    pictures = read_pixels(model).tolist()
    for number, (method, known) in enumerate(methods.items()):
        one = pictures[: 2 if method in OF_ONE_ANOTHER else 1]
        needed, few = _find_needed(method, known), _choose_few(method, known)
        yield explain("methods", model, one, needed)
        yield explain("methods", model, pictures, few)
        if "probability" in known.get("output", {}).get("enum", ()):
            yield explain("probability", model, one, {**few, "output": "probability"})
        if "smooth" in known:
            noise = {"nt_type": NOISE[number % 3], "nt_samples": 3, "nt_samples_batch_size": 2}
            yield explain("noise tunnel", model, pictures[:2], {**few, "smooth": noise, "seed": 3})
    for parameters in PARAMETERS:
        layer = {"layer": "conv2"} if parameters.get("method", "").startswith("layer_") else {}
        yield explain("parameters", model, pictures, {**parameters, **layer})
    for parameters in LAYERED:
        yield explain("layers", model, pictures[:2], parameters)
    for parameters in METRICS:
        yield explain("metrics", model, pictures[:2], parameters)


def _find_needed(method: str, known: Mapping[str, Any]) -> dict[str, Any]:
    """What a method has no default for."""
    at = {"layer": "conv2", "neuron": [1, 5, 5]}
    return {"method": method, **{name: value for name, value in at.items() if name in known}}


def _choose_few(method: str, known: Mapping[str, Any]) -> dict[str, Any]:
    segments = {"n_segments": 4} if method == "shapley_values" else {}
    few = {name: value for name, value in FEW.items() if name in known}
    return {**_find_needed(method, known), **few, **segments}
