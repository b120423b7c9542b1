"""Builds the shipped networks, or a user's own."""

import importlib
import warnings
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import torch
from captum_serving.errors import describe_error
from captum_serving.sentences import name_nearest
from torch import nn


class ArchitectureError(ValueError):
    """An architecture that is not known or that cannot be built; the message is one sentence for the user."""


def mnist_cnn() -> nn.Sequential:
    """Build the network of Alibi's MNIST examples: `[n, 1, 28, 28]` in 0..1 to logits `[n, 10]`."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 64, kernel_size=2, padding="same"),
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(2),
            dropout1=nn.Dropout(0.3),
            conv2=nn.Conv2d(64, 32, kernel_size=2, padding="same"),
            relu2=nn.ReLU(),
            pool2=nn.MaxPool2d(2),
            dropout2=nn.Dropout(0.3),
            flatten=nn.Flatten(),
            linear1=nn.Linear(32 * 7 * 7, 256),
            relu3=nn.ReLU(),
            dropout3=nn.Dropout(0.5),
            logits=nn.Linear(256, 10),
        )
    )


def fashion_cnn() -> nn.Sequential:
    """Build the network of Captum's Fashion-MNIST tutorial: `[n, 1, 28, 28]` in 0..1 to logits `[n, 10]`."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 32, kernel_size=3, padding="same"),
            relu1=nn.ReLU(),
            conv2=nn.Conv2d(32, 16, kernel_size=3, padding="same"),
            relu2=nn.ReLU(),
            flatten=nn.Flatten(),
            logits=nn.Linear(16 * 28 * 28, 10),
        )
    )


ARCHITECTURES: Mapping[str, Callable[..., nn.Module]] = {"fashion_cnn": fashion_cnn, "mnist_cnn": mnist_cnn}


def build_network(architecture: str, options: Mapping[str, Any]) -> nn.Module:
    """Build a network with fresh weights.

    `architecture` is a built-in name or an import path, `package.module:Class`; the class (or function) is called with
    `options` as keyword arguments. Raises `ArchitectureError`.
    """
    factory = _import_factory(architecture) if ":" in architecture else _find_built_in(architecture)
    try:
        network = factory(**options)
    except Exception as error:
        raise ArchitectureError(
            f"{architecture!r} could not be built with {dict(options)}: {describe_error(error)}"
        ) from error
    if not isinstance(network, nn.Module):
        raise ArchitectureError(f"{architecture!r} gave a {type(network).__name__}, expected a torch.nn.Module")
    return network


def use_channels_last(network: nn.Module) -> None:
    """Lay out every four-dimensional parameter with its channels last, in place; convolutions then run faster."""
    for parameter in network.parameters():
        if parameter.dim() == 4:  # not network.to(): it fails on a Conv3d beside a Conv2d
            parameter.data = parameter.data.to(memory_format=torch.channels_last)


def quiet_even_kernels() -> None:
    """Keep torch from warning, for the rest of the process, that `mnist_cnn`'s even kernels cost it a padded copy."""
    warnings.filterwarnings("ignore", "Using padding='same' with even kernel lengths", UserWarning)


def _find_built_in(name: str) -> Callable[..., nn.Module]:
    if name in ARCHITECTURES:
        return ARCHITECTURES[name]
    raise ArchitectureError(f"{name_nearest(name, list(ARCHITECTURES))}, or an import path 'package.module:Class'")


def _import_factory(path: str) -> Callable[..., nn.Module]:
    module_name, _, attribute = path.partition(":")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # a user's module may raise anything
        raise ArchitectureError(
            f"{path!r} could not be imported ({describe_error(error)}); is it on PYTHONPATH?"
        ) from error
    factory: object = getattr(module, attribute, None)
    if not callable(factory):
        got = "nothing" if factory is None else f"a {type(factory).__name__}"
        raise ArchitectureError(
            f"{path!r}: got {got} named {attribute!r} in {module_name}, expected a class or function"
        )
    return factory
