"""Captum in process, on the module as the predictor loads it: what a user would write in a notebook.

Nothing here comes from the explainer. The network's frozen stages are one `nn.Sequential`; for DeepLIFT's family an
identity stands between a ReLU and a max-pool that touch (test_laws.py shows what happens without it).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import captum.attr
import numpy as np
import torch
from captum._utils.models.linear_model import SkLearnLasso
from captum.attr._core.lrp import SUPPORTED_LAYERS_WITH_RULES as RULED
from captum.attr._core.lrp import SUPPORTED_NON_LINEAR_LAYERS as NONLINEAR_FOR_LRP
from captum.attr._utils.lrp_rules import EpsilonRule
from captum_predictor.model.directory import load_model
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


def load_network(directory: Path, architectures: str | None = None) -> Network:
    """A model as the predictor loads it: frozen, channels_last."""
    loaded = load_model(directory, device="cpu", architectures=architectures)
    stages = OrderedDict((stage.name, stage.module) for stage in loaded.stages)
    return Network(stages, {stage.name: stage.shape for stage in loaded.stages}, loaded.description.labels)


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

    def smooth(self, kind: str, separated: bool = False, **arguments: Any) -> Tensor:
        """What Captum's class of that name says, through the noise tunnel where the request had one."""
        return self.through_noise(self.on(kind, separated), **arguments)

    def through_noise(self, explainer: Any, **arguments: Any) -> Tensor:
        noise = self.parameters.get("smooth")
        if noise is None:
            return explainer.attribute(self.inputs, **arguments)
        return captum.attr.NoiseTunnel(explainer).attribute(self.inputs, **noise, **arguments)

    def perturbed(self, kind: str, *names: str, **arguments: Any) -> Tensor:
        """What a method says that replaces segments by the baseline."""
        mask = self.feature_mask
        if kind.startswith("Shapley") and self.parameters["segmentation"] != "pixels":
            mask = mask[:, :1]  # of one channel for all: Captum goes through it in Python, for each order
        return self.on(kind, **arguments).attribute(
            self.inputs,
            feature_mask=mask,
            **self.from_baselines,
            **self.options("perturbations_per_eval", *names),
        )

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
    def layer_mask(self) -> Tensor:
        """The group of each of the layer's units, [1, *its shape]."""
        shape = self.network.shapes[self.parameters["layer"]]
        if self.parameters["layer_mask"] == "units":
            return torch.arange(int(np.prod(shape))).reshape(1, *shape)
        return torch.stack([torch.full(shape[1:], channel) for channel in range(shape[0])])[None]

    @property
    def feature_mask(self) -> Tensor:
        """The segment of each value of an instance, [1, channels, height, width]; the first one's, of several."""
        if self.parameters["segmentation"] == "pixels":
            return torch.arange(self.inputs[0].numel()).reshape(1, *self.inputs.shape[1:])
        picture = self.inputs[0].permute(1, 2, 0).squeeze(-1).numpy()
        plane = segments(picture, **self.options("segmentation", "n_segments"))
        return torch.from_numpy(plane).expand_as(self.inputs[:1]).contiguous()


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


def _feature_permutation(call: Call) -> Tensor:
    return call.on("FeaturePermutation").attribute(
        call.inputs, target=call.target, feature_mask=call.feature_mask, **call.options("perturbations_per_eval")
    )


def _guided_grad_cam(call: Call) -> Tensor:
    return call.smooth("GuidedGradCam", target=call.target, **call.options("interpolate_mode"))


def _kernel_shap(call: Call) -> Tensor:
    return call.perturbed("KernelShap", "n_samples")


def _layer_deep_lift(call: Call) -> Tensor:
    # The network is frozen, and Captum hooks tensors that must require a gradient: so the inputs have to.
    call = replace(call, inputs=call.inputs.clone().requires_grad_())
    return call.smooth("LayerDeepLift", separated=True, **call.from_baselines)


def _layer_deep_lift_shap(call: Call) -> Tensor:
    inputs = call.inputs.clone().requires_grad_()
    return call.on("LayerDeepLiftShap", separated=True).attribute(inputs, **call.from_baselines)


def _layer_feature_ablation(call: Call) -> Tensor:
    return call.on("LayerFeatureAblation").attribute(
        call.inputs,
        target=call.target[0],  # a list fails in Captum where a call has several perturbations
        layer_mask=call.layer_mask,
        **call.options("layer_baselines", "perturbations_per_eval"),
    )


def _layer_grad_cam(call: Call) -> Tensor:
    return call.smooth("LayerGradCam", target=call.target, **call.options("relu_attributions", "attr_dim_summation"))


def _lime(call: Call) -> Tensor:
    return call.perturbed("Lime", "n_samples", interpretable_model=SkLearnLasso(alpha=call.parameters["alpha"]))


def _lrp(kind: str) -> Callable[[Call], Tensor]:
    """Captum has no rule for flatten, nor for a normalization, and deletes those that it is given after each call."""

    def run(call: Call) -> Tensor:
        model = call.network.module()
        layer = (model.get_submodule(call.parameters["layer"]),) if "layer" in call.parameters else ()
        explainer = getattr(captum.attr, kind)(model, *layer)
        attach = explainer._check_and_attach_rules

        def attach_more() -> None:
            for module in model:
                if type(module) not in (*RULED, *NONLINEAR_FOR_LRP):
                    module.rule = EpsilonRule()
            attach()

        explainer._check_and_attach_rules = attach_more
        return call.through_noise(explainer, target=call.target)

    return run


def _neuron_feature_ablation(call: Call) -> Tensor:
    return call.on("NeuronFeatureAblation").attribute(
        call.inputs,
        call.neuron,
        baselines=call.baselines,
        feature_mask=call.feature_mask,
        **call.options("perturbations_per_eval"),
    )


def _neuron_gradient_shap(call: Call) -> Tensor:
    return call.on("NeuronGradientShap").attribute(
        call.inputs, call.neuron, baselines=call.baselines, **call.options("n_samples", "stdevs")
    )


def _occlusion(call: Call) -> Tensor:
    return call.on("Occlusion").attribute(
        call.inputs,
        sliding_window_shapes=tuple(call.parameters["sliding_window_shapes"]),
        strides=tuple(call.parameters["strides"]),
        **call.from_baselines,
        **call.options("perturbations_per_eval"),
    )


def _gradient_shap(kind: str) -> Callable[[Call], Tensor]:
    return lambda call: call.on(kind).attribute(
        call.inputs, **call.from_baselines, **call.options("n_samples", "stdevs")
    )


# All instances in one call of Captum's, and each instance in a call, with draws, of its own.
TOGETHER: dict[str, Callable[[Call], Tensor]] = {
    "deconvolution": lambda call: call.smooth("Deconvolution", target=call.target),
    "feature_permutation": _feature_permutation,
    "guided_backprop": lambda call: call.smooth("GuidedBackprop", target=call.target),
    "guided_grad_cam": _guided_grad_cam,
    "input_x_gradient": lambda call: call.smooth("InputXGradient", target=call.target),
    "integrated_gradients": lambda call: call.smooth("IntegratedGradients", **call.from_baselines, **call.path),
    "internal_influence": lambda call: call.smooth("InternalInfluence", **call.from_baselines, **call.path),
    "layer_activation": lambda call: call.on("LayerActivation").attribute(call.inputs),
    "layer_conductance": lambda call: call.smooth("LayerConductance", **call.from_baselines, **call.path),
    "layer_grad_cam": _layer_grad_cam,
    "layer_gradient_x_activation": lambda call: call.smooth("LayerGradientXActivation", target=call.target),
    "layer_integrated_gradients": lambda call: call.smooth(
        "LayerIntegratedGradients", **call.from_baselines, **call.path
    ),
    "layer_lrp": _lrp("LayerLRP"),
    "lrp": _lrp("LRP"),
    "neuron_conductance": lambda call: call.smooth(
        "NeuronConductance", neuron_selector=call.neuron, **call.from_baselines, **call.path
    ),
    "neuron_deconvolution": lambda call: call.smooth("NeuronDeconvolution", neuron_selector=call.neuron),
    "neuron_gradient": lambda call: call.smooth("NeuronGradient", neuron_selector=call.neuron),
    "neuron_guided_backprop": lambda call: call.smooth("NeuronGuidedBackprop", neuron_selector=call.neuron),
    "neuron_integrated_gradients": lambda call: call.smooth(
        "NeuronIntegratedGradients", neuron_selector=call.neuron, baselines=call.baselines, **call.path
    ),
    "occlusion": _occlusion,
    "saliency": lambda call: call.smooth("Saliency", target=call.target, **call.options("abs")),
}
ONE_BY_ONE: dict[str, Callable[[Call], Tensor]] = {
    "deep_lift": lambda call: call.smooth("DeepLift", separated=True, **call.from_baselines),
    "deep_lift_shap": lambda call: call.on("DeepLiftShap", separated=True).attribute(
        call.inputs, **call.from_baselines
    ),
    "feature_ablation": lambda call: call.perturbed("FeatureAblation"),
    "gradient_shap": _gradient_shap("GradientShap"),
    "kernel_shap": _kernel_shap,
    "layer_deep_lift": _layer_deep_lift,
    "layer_deep_lift_shap": _layer_deep_lift_shap,
    "layer_feature_ablation": _layer_feature_ablation,
    "layer_gradient_shap": _gradient_shap("LayerGradientShap"),
    "lime": _lime,
    "neuron_deep_lift": lambda call: call.smooth(
        "NeuronDeepLift", separated=True, neuron_selector=call.neuron, baselines=call.baselines
    ),
    "neuron_deep_lift_shap": lambda call: call.on("NeuronDeepLiftShap", separated=True).attribute(
        call.inputs, call.neuron, baselines=call.baselines
    ),
    "neuron_feature_ablation": _neuron_feature_ablation,
    "neuron_gradient_shap": _neuron_gradient_shap,
    "shapley_value_sampling": lambda call: call.perturbed("ShapleyValueSampling", "n_samples"),
    "shapley_values": lambda call: call.perturbed("ShapleyValues"),
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
    baselines = [_baselines(parameters, inputs, i) for i in range(len(inputs))]
    if method in TOGETHER and not parameters.get("smooth"):
        _seed(parameters)
        call = Call(network, inputs, target, torch.cat(baselines), parameters)
        return _finished(TOGETHER[method](call), call)
    parts = []
    for i in range(len(inputs)):
        _seed(parameters)
        call = Call(network, inputs[i : i + 1], target[i : i + 1], baselines[i], parameters)
        parts.append(_finished((TOGETHER | ONE_BY_ONE)[method](call), call))
    return torch.cat(parts)


def _seed(parameters: dict[str, Any]) -> None:
    torch.manual_seed(parameters["seed"])
    np.random.seed(parameters["seed"])


def _finished(values: Tensor, call: Call) -> Tensor:
    if call.parameters.get("upsample"):
        size, mode = tuple(call.inputs.shape[2:]), call.parameters["interpolate_mode"]
        values = captum.attr.LayerAttribution.interpolate(values, size, interpolate_mode=mode)
    return values.detach().to(torch.float32)


def _baselines(parameters: dict[str, Any], inputs: Tensor, position: int) -> Tensor:
    """One instance's baselines [1 or more, channels, height, width]."""
    value, instance = parameters.get("baselines"), inputs[position : position + 1]
    if value == "random":
        count = 20 if parameters["method"].endswith("shap") else 1
        return torch.rand(count, *instance.shape[1:], generator=torch.Generator().manual_seed(parameters["seed"]))
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
