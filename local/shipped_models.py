"""The shipped models of pictures as a user of torch holds them: the network, and pictures to explain."""

import numpy as np
import torch
from captum_predictor.model.architectures import build_network
from captum_predictor.model.description import read_description
from captum_predictor.model.weights import FILE_NAME, load_weights
from PIL import Image
from torch import Tensor, nn

from local.servers import ROOT


def user_module(name: str) -> nn.Module:
    """The network of this name: torch's default layout, gradients on its weights, in evaluation mode."""
    directory = ROOT / "models" / name
    module = build_network(read_description(directory).architecture, {})
    load_weights(module, directory / FILE_NAME)
    return module.eval()


def example_images(name: str, count: int = 10) -> Tensor:
    """Pictures that are shipped with a model, from the first again after ten: float32 [count, 1, 28, 28] of 0..1."""
    paths = [ROOT / "models" / name / "examples" / f"{i % 10}.png" for i in range(count)]
    return torch.from_numpy(np.stack([np.asarray(Image.open(path), dtype=np.float32)[None] / 255 for path in paths]))
