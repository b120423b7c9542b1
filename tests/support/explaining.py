"""Asking an explainer, and the pictures to ask about."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
import requests
import torch
from PIL import Image
from torch import Tensor

from local.servers import ROOT, Pair

session = requests.Session()

TWO_BASELINES = [[[[value] * 28] * 28] for value in (0.0, 0.5)]

# Every method, with few steps and samples; those that draw, also by another seed and between calls.
EXPLANATIONS: list[dict[str, Any]] = [
    {"method": "saliency"},
    {"method": "input_x_gradient"},
    {"method": "integrated_gradients", "n_steps": 25},
    {"method": "gradient_shap", "n_samples": 12, "stdevs": 0.1},
    {"method": "gradient_shap", "n_samples": 12, "stdevs": 0.1, "seed": 1},
    {"method": "deep_lift"},
    {"method": "deep_lift", "smooth": {"nt_samples": 3, "nt_samples_batch_size": 2}},
    {"method": "deep_lift_shap", "baselines": TWO_BASELINES},
    {"method": "deconvolution"},
    {"method": "guided_backprop"},
    {"method": "guided_grad_cam", "layer": "conv2"},
    {"method": "internal_influence", "layer": "conv2", "n_steps": 5},
    {"method": "layer_activation", "layer": "conv2"},
    {"method": "layer_conductance", "layer": "conv2", "n_steps": 5},
    {"method": "layer_deep_lift", "layer": "conv2"},
    {"method": "layer_deep_lift_shap", "layer": "conv2", "baselines": TWO_BASELINES},
    {"method": "layer_feature_ablation", "layer": "logits"},
    {"method": "layer_grad_cam", "layer": "relu2"},
    {"method": "layer_gradient_shap", "layer": "conv2", "n_samples": 5, "stdevs": 0.1},
    {"method": "layer_gradient_x_activation", "layer": "conv2"},
    {"method": "layer_integrated_gradients", "layer": "conv2", "n_steps": 5},
    {"method": "layer_lrp", "layer": "conv2"},
    {"method": "lrp"},
    {"method": "neuron_conductance", "layer": "conv2", "neuron": [1, 5, 5], "n_steps": 5},
    {"method": "neuron_deconvolution", "layer": "conv2", "neuron": [1, 5, 5]},
    {"method": "neuron_deep_lift", "layer": "conv2", "neuron": [1, 5, 5]},
    {"method": "neuron_deep_lift_shap", "layer": "conv2", "neuron": [1, 5, 5], "baselines": TWO_BASELINES},
    {
        "method": "neuron_feature_ablation",
        "layer": "conv2",
        "neuron": [1, 5, 5],
        "segmentation": "grid",
        "n_segments": 9,
    },
    {"method": "neuron_gradient", "layer": "conv2", "neuron": [1, 5, 5]},
    {"method": "neuron_gradient_shap", "layer": "conv1", "neuron": [1, 5, 5], "n_samples": 5, "stdevs": 0.1},
    {"method": "neuron_integrated_gradients", "layer": "conv2", "neuron": [1, 5, 5], "n_steps": 5},
    {"method": "neuron_guided_backprop", "layer": "conv2", "neuron": [1, 5, 5]},
    {"method": "occlusion", "strides": 4},
    {"method": "feature_ablation", "segmentation": "grid"},
    {"method": "kernel_shap", "n_samples": 40, "segmentation": "grid"},
    {"method": "shapley_value_sampling", "n_samples": 3, "segmentation": "grid", "n_segments": 9},
    {"method": "shapley_values"},
    {"method": "feature_permutation"},
    # Draws that go on between two calls to the predictor, while other explanations draw.
    {"method": "lime", "n_samples": 40, "segmentation": "grid", "seed": 2, "perturbations_per_eval": 9},
]


@dataclass(frozen=True)
class Answer:
    """A response, whatever its status."""

    status: int
    body: bytes
    document: dict[str, Any]

    @cached_property
    def values(self) -> np.ndarray:
        """The explanations, float32 [instances, ...]."""
        assert self.status == 200, self.document
        return np.array(self.document["explanations"], dtype=np.float32)

    @property
    def details(self) -> list[Any]:
        return self.document["details"]

    @property
    def parameters(self) -> dict[str, Any]:
        assert self.status == 200, self.document
        return self.document["parameters"]

    @property
    def error(self) -> str:
        return self.document["error"]


def ask(pair: Pair, inputs: Tensor, **parameters: Any) -> Answer:
    """Explain float32 [instances, channels, height, width] over a kept-alive connection."""
    return ask_url(pair.explain_url, inputs, **parameters)


def ask_url(url: str, inputs: Tensor, **parameters: Any) -> Answer:
    response = session.post(url, json={"instances": inputs.tolist(), "parameters": parameters}, timeout=60)
    return Answer(response.status_code, response.content, response.json())


@cache
def examples(name: str) -> Tensor:
    """The ten pictures that are shipped with a model, float32 [10, 1, 28, 28] in 0..1."""
    folder = ROOT / "models" / name / "examples"
    pictures = [np.asarray(Image.open(folder / f"{i}.png"), dtype=np.float32) for i in range(10)]
    return torch.from_numpy(np.stack(pictures)[:, None] / np.float32(255))
