"""Builds a network by its name: a shipped one, or one of the module that the operator allows.

A name in model.json is looked up, never imported: with an import path, `os:system` would run a command.
"""

import importlib
import inspect
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


Build = Callable[..., nn.Module]
ARCHITECTURES: Mapping[str, Build] = {"fashion_cnn": fashion_cnn, "mnist_cnn": mnist_cnn}


def list_architectures(module_name: str | None = None) -> Mapping[str, Build]:
    """List the networks that model.json may name: the shipped ones, and a module's own as `module:Name`.

    A module's own are the subclasses of `torch.nn.Module` that it defines, and the functions in its `__all__`. Raises
    `ArchitectureError`: the module cannot be imported.
    """
    if module_name is None:
        return ARCHITECTURES
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # a user's module may raise anything
        raise ArchitectureError(
            f"the module {module_name!r} of --architectures could not be imported ({describe_error(error)}); "
            "is it on PYTHONPATH?"
        ) from error
    public = getattr(module, "__all__", ())
    own = {
        f"{module_name}:{name}": value
        for name, value in vars(module).items()
        if _is_network(value, module_name) or (name in public and inspect.isfunction(value))
    }
    return {**ARCHITECTURES, **own}


def build_network(
    architecture: str, options: Mapping[str, Any], known: Mapping[str, Build] = ARCHITECTURES
) -> nn.Module:
    """Build a network with fresh weights, by calling the `known` one of this name with `options`.

    Raises `ArchitectureError`.
    """
    if architecture not in known:
        hint = "; the predictor's --architectures MODULE allows a module's own" if ":" in architecture else ""
        raise ArchitectureError(name_nearest(architecture, list(known)) + hint)
    try:
        network = known[architecture](**options)
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


def _is_network(value: object, module_name: str) -> bool:
    return isinstance(value, type) and issubclass(value, nn.Module) and value.__module__ == module_name
