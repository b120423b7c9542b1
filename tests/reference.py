"""Captum in process, on the module as the predictor loads it: what a user would write in a notebook.

Nothing here comes from the explainer. The network's frozen stages are one `nn.Sequential`; for DeepLIFT's family an
identity stands between a ReLU and a max-pool that touch (test_laws.py shows what happens without it).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import captum.attr
import numpy as np
import torch
from captum._utils.models.linear_model import SkLearnLasso
from captum_predictor.model_directory import load_model
from scipy.ndimage import gaussian_filter
from skimage.segmentation import quickshift, slic
from torch import Tensor, nn

NONLINEAR = (nn.ReLU, nn.MaxPool2d)


class OwnTensor(nn.Module):
    """The identity, in a tensor of its own."""

    def forward(self, rows: Tensor) -> Tensor:
        return rows.view_as(rows)


@dataclass(frozen=True)
class Network:
    """A model's stages by name, each one's output shape, and its labels."""

    stages: OrderedDict[str, nn.Module]
    shapes: dict[str, tuple[int, ...]]
    labels: tuple[str, ...]

    def module(self, probability: bool = False, separated: bool = False) -> nn.Sequential:
        """The whole network; `separated` puts the identity between nonlinearities that touch."""
        modules: OrderedDict[str, nn.Module] = OrderedDict()
        for name, module in self.stages.items():
            before = next(reversed(modules.values()), None)
            if separated and isinstance(module, NONLINEAR) and isinstance(before, NONLINEAR):
                modules[f"own_{name}"] = OwnTensor()
            modules[name] = module
        if probability:
            modules["probability"] = nn.Softmax(dim=1)
        return nn.Sequential(modules)

    def scores(self, inputs: Tensor, probability: bool = False) -> Tensor:
        """The outputs [rows, classes]."""
        with torch.no_grad():
            return self.module(probability)(inputs)


def load_network(directory: Path) -> Network:
    """A model as the predictor loads it: frozen, channels_last."""
    loaded = load_model(directory, device="cpu")
    stages = OrderedDict((stage.name, stage.module) for stage in loaded.stages)
    return Network(stages, {stage.name: stage.shape for stage in loaded.stages}, loaded.labels)


@dataclass(frozen=True)
class Call:
    """One call of Captum's; `parameters` are those of the explainer's response."""

    network: Network
    inputs: Tensor
    target: list[int]
    baselines: Tensor
    parameters: dict[str, Any]

    def on(self, kind: str, separated: bool = False, **arguments: Any) -> Any:
        """Captum's class of that name, on the network, and on its layer where there is one."""
        model = self.network.module(self.parameters.get("output") == "probability", separated)
        layer = (model.get_submodule(self.parameters["layer"]),) if "layer" in self.parameters else ()
        return getattr(captum.attr, kind)(model, *layer, **arguments)

    def options(self, *names: str) -> dict[str, Any]:
        return {name: self.parameters[name] for name in names}

    @property
    def path(self) -> dict[str, Any]:
        return {**self.options("n_steps", "internal_batch_size"), "method": self.parameters["quadrature"]}

    @property
    def from_baselines(self) -> dict[str, Any]:
        return {"baselines": self.baselines, "target": self.target}

    @property
    def neuron(self) -> tuple[int, ...]:
        return tuple(self.parameters["neuron"])

    @property
    def feature_mask(self) -> Tensor:
        """The segment of each value of the one instance, of its shape [1, channels, height, width]."""
        if self.parameters["segmentation"] == "pixels":
            return torch.arange(self.inputs.numel()).reshape(self.inputs.shape)
        picture = self.inputs[0].permute(1, 2, 0).squeeze(-1).numpy()
        plane = segments(picture, **self.options("segmentation", "n_segments"))
        return torch.from_numpy(plane).expand_as(self.inputs)


def segments(picture: np.ndarray, segmentation: str, n_segments: int) -> np.ndarray:
    """The segments [height, width] of a picture [height, width] or [height, width, 3] in 0..1, numbered from 0."""
    height, width = picture.shape[:2]
    colours = picture.astype(np.float64) if picture.ndim == 3 else np.stack([picture.astype(np.float64)] * 3, axis=-1)
    if segmentation == "slic":
        axis = -1 if picture.ndim == 3 else None
        labels = slic(picture.astype(np.float64), n_segments, compactness=0.1, start_label=0, channel_axis=axis)
    elif segmentation == "quickshift":
        reach = (height * width / n_segments) ** 0.5
        labels = quickshift(colours, ratio=0.5, kernel_size=1, max_dist=reach, rng=0)
    else:
        side = round((height * width / n_segments) ** 0.5)
        labels = np.array([[(i // side) * width + j // side for j in range(width)] for i in range(height)])
    numbers = {label: number for number, label in enumerate(sorted(set(labels.ravel().tolist())))}
    return np.vectorize(numbers.__getitem__)(labels).astype(np.int64)


def _deep_lift(call: Call) -> Tensor:
    return call.on("DeepLift", separated=True).attribute(call.inputs, **call.from_baselines)


def _feature_ablation(call: Call) -> Tensor:
    return call.on("FeatureAblation").attribute(
        call.inputs, feature_mask=call.feature_mask, **call.from_baselines, **call.options("perturbations_per_eval")
    )


def _gradient_shap(call: Call) -> Tensor:
    return call.on("GradientShap").attribute(call.inputs, **call.from_baselines, **call.options("n_samples", "stdevs"))


def _guided_backprop(call: Call) -> Tensor:
    return call.on("GuidedBackprop").attribute(call.inputs, target=call.target)


def _guided_grad_cam(call: Call) -> Tensor:
    return call.on("GuidedGradCam").attribute(call.inputs, target=call.target, **call.options("interpolate_mode"))


def _input_x_gradient(call: Call) -> Tensor:
    return call.on("InputXGradient").attribute(call.inputs, target=call.target)


def _integrated_gradients(call: Call) -> Tensor:
    return call.on("IntegratedGradients").attribute(call.inputs, **call.from_baselines, **call.path)


def _kernel_shap(call: Call) -> Tensor:
    options = call.options("n_samples", "perturbations_per_eval")
    return call.on("KernelShap").attribute(
        call.inputs, feature_mask=call.feature_mask, **call.from_baselines, **options
    )


def _layer_deep_lift(call: Call) -> Tensor:
    # The network is frozen, and Captum hooks tensors that must require a gradient: so the inputs have to.
    inputs = call.inputs.clone().requires_grad_()
    return call.on("LayerDeepLift", separated=True).attribute(inputs, **call.from_baselines)


def _layer_grad_cam(call: Call) -> Tensor:
    options = call.options("relu_attributions", "attr_dim_summation")
    return call.on("LayerGradCam").attribute(call.inputs, target=call.target, **options)


def _layer_integrated_gradients(call: Call) -> Tensor:
    return call.on("LayerIntegratedGradients").attribute(call.inputs, **call.from_baselines, **call.path)


def _lime(call: Call) -> Tensor:
    lime = call.on("Lime", interpretable_model=SkLearnLasso(alpha=call.parameters["alpha"]))
    options = call.options("n_samples", "perturbations_per_eval")
    return lime.attribute(call.inputs, feature_mask=call.feature_mask, **call.from_baselines, **options)


def _neuron_gradient(call: Call) -> Tensor:
    return call.on("NeuronGradient").attribute(call.inputs, call.neuron)


def _neuron_gradient_shap(call: Call) -> Tensor:
    return call.on("NeuronGradientShap").attribute(
        call.inputs, call.neuron, baselines=call.baselines, **call.options("n_samples", "stdevs")
    )


def _neuron_integrated_gradients(call: Call) -> Tensor:
    return call.on("NeuronIntegratedGradients").attribute(
        call.inputs, call.neuron, baselines=call.baselines, **call.path
    )


def _occlusion(call: Call) -> Tensor:
    return call.on("Occlusion").attribute(
        call.inputs,
        sliding_window_shapes=tuple(call.parameters["sliding_window_shapes"]),
        strides=tuple(call.parameters["strides"]),
        **call.from_baselines,
        **call.options("perturbations_per_eval"),
    )


def _saliency(call: Call) -> Tensor:
    return call.on("Saliency").attribute(call.inputs, target=call.target, **call.options("abs"))


# All instances in one call of Captum's, and each instance in a call, with draws, of its own.
TOGETHER: dict[str, Callable[[Call], Tensor]] = {
    "guided_backprop": _guided_backprop,
    "guided_grad_cam": _guided_grad_cam,
    "input_x_gradient": _input_x_gradient,
    "integrated_gradients": _integrated_gradients,
    "layer_grad_cam": _layer_grad_cam,
    "layer_integrated_gradients": _layer_integrated_gradients,
    "neuron_gradient": _neuron_gradient,
    "neuron_integrated_gradients": _neuron_integrated_gradients,
    "occlusion": _occlusion,
    "saliency": _saliency,
}
ONE_BY_ONE: dict[str, Callable[[Call], Tensor]] = {
    "deep_lift": _deep_lift,
    "feature_ablation": _feature_ablation,
    "gradient_shap": _gradient_shap,
    "kernel_shap": _kernel_shap,
    "layer_deep_lift": _layer_deep_lift,
    "lime": _lime,
    "neuron_gradient_shap": _neuron_gradient_shap,
}


def attributions(network: Network, inputs: Tensor, parameters: dict[str, Any], target: list[int]) -> Tensor:
    """What the explainer must answer: float32 [instances, ...].

    Args:
        network: The model.
        inputs: float32 [instances, channels, height, width].
        parameters: The resolved ones, of the explainer's response.
        target: Each instance's output to explain.
    """
    method = parameters["method"]
    baselines = [_baselines(parameters.get("baselines"), inputs, i) for i in range(len(inputs))]
    if method in TOGETHER:
        call = Call(network, inputs, target, torch.cat(baselines), parameters)
        return _finished(TOGETHER[method](call), call)
    parts = []
    for i in range(len(inputs)):
        torch.manual_seed(parameters["seed"])
        np.random.seed(parameters["seed"])
        call = Call(network, inputs[i : i + 1], target[i : i + 1], baselines[i], parameters)
        parts.append(_finished(ONE_BY_ONE[method](call), call))
    return torch.cat(parts)


def _finished(values: Tensor, call: Call) -> Tensor:
    if call.parameters.get("upsample"):
        size, mode = tuple(call.inputs.shape[2:]), call.parameters["interpolate_mode"]
        values = captum.attr.LayerAttribution.interpolate(values, size, interpolate_mode=mode)
    return values.detach().to(torch.float32)


def _baselines(value: Any, inputs: Tensor, position: int) -> Tensor:
    """One instance's baselines [1 or more, channels, height, width]."""
    instance = inputs[position : position + 1]
    if value is None or value == "zeros":
        return torch.zeros_like(instance)
    if value == "ones":
        return torch.ones_like(instance)
    if value == "mean":
        return torch.full_like(instance, float(instance.mean()))
    if value == "blur":
        sigma = 0.15 * max(instance.shape[2:])
        return torch.from_numpy(gaussian_filter(instance.numpy(), sigma=(0, 0, sigma, sigma)))
    if isinstance(value, int | float):
        return torch.full_like(instance, value)
    array = torch.tensor(value, dtype=torch.float32)
    return array[position : position + 1] if array.shape == inputs.shape else array.reshape(-1, *instance.shape[1:])
