"""A network as a chain of named stages, as the explainer sees it, and the steps that compute them."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from captum_serving.errors import describe_error
from captum_serving.protocol.extension_names import RESERVED_NAMES
from torch import nn


class StageError(ValueError):
    """A network that cannot be served as stages; the message is one sentence for the user."""


@dataclass(frozen=True)
class Stage:
    """One link of the chain.

    `shape` is one instance's output, without the batch dimension; `options` are the keyword arguments from which the
    explainer rebuilds a nonlinearity of this `kind` in its own process (empty for every other kind).
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    options: dict[str, Any]
    module: nn.Module

    def describe(self) -> dict[str, Any]:
        """Give the stage as `GET /v2/models/{name}` lists it."""
        return {"name": self.name, "kind": self.kind, "shape": list(self.shape), "options": self.options}


@dataclass(frozen=True)
class Step:
    """One operation, which takes the value before it.

    Attributes:
        stage: The stage whose operation it is.
        compute: Called with the value before it, `[rows, ...]`, and the extra inputs by their names.
        gives: The name of the stage whose value is there after it; None where it is no stage's.
    """

    stage: Stage
    compute: Callable[..., torch.Tensor]
    gives: str | None


# From a segment's stages and the names of those whose values are wanted, the last one's apart, to the steps.
Arrange = Callable[[Sequence[Stage], Collection[str]], Sequence[Step]]


def arrange_in_order(stages: Sequence[Stage], _kept: Collection[str]) -> Sequence[Step]:
    """The stages' own modules in their own order."""
    return [Step(stage, stage.module, stage.name) for stage in stages]


class Normalize(nn.Module):
    """Subtract each channel's mean and divide by its standard deviation: `[n, channels, ...]` to the same shape."""

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...], dimensions: int) -> None:
        super().__init__()
        shape = (1, len(mean)) + (1,) * (dimensions - 1)
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).reshape(shape), persistent=False)
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).reshape(shape), persistent=False)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Normalize `[n, channels, ...]`."""
        return (inputs - self.mean) / self.std


def split_into_stages(network: nn.Module, input_shape: tuple[int, ...]) -> tuple[Stage, ...]:
    """Split a network that is in evaluation mode into its stages.

    An `nn.Sequential` is the chain of its children (a plain `nn.Sequential` among them is opened in turn, its children
    named `outer_inner`); any other module is one stage, `logits`. The shapes are found by running
    zeros of `[2, *input_shape]`. Raises `StageError`.
    """
    modules = list(_list_children(network)) if _is_chain(network) else [("logits", network)]
    if not modules:
        raise StageError("the network is an nn.Sequential without children, expected at least one stage")
    names = [name for name, _ in modules]
    for name in names:
        if name in RESERVED_NAMES or names.count(name) > 1:
            raise StageError(f"two tensors would be called {name!r}; expected every stage to have a name of its own")
    return tuple(_measure(modules, input_shape))


def _measure(modules: list[tuple[str, nn.Module]], input_shape: tuple[int, ...]) -> Iterator[Stage]:
    # Two rows, so that a stage that folds the batch into its output is seen.
    value = torch.zeros(2, *input_shape)
    for name, module in modules:
        kind, options = find_kind(module)
        before = list(value.shape[1:])
        try:
            with torch.no_grad():  # not inference mode: what a module caches must stay usable under autograd
                value = module(value)
        except Exception as error:  # a user's module may raise anything
            raise StageError(
                f"stage {name!r} cannot take an instance of shape {before}: {describe_error(error)}"
            ) from error
        if not isinstance(value, torch.Tensor) or not value.is_floating_point() or value.shape[:1] != (2,):
            got = list(value.shape) if isinstance(value, torch.Tensor) else type(value).__name__
            raise StageError(f"stage {name!r} turns a batch of 2 into {got}, expected a float tensor of shape [2, ...]")
        yield Stage(name, kind, tuple(value.shape[1:]), options, module)


def _is_chain(network: nn.Module) -> bool:
    # A subclass with a forward of its own may do anything between its children.
    return isinstance(network, nn.Sequential) and type(network).forward is nn.Sequential.forward


def _list_children(network: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    # Not named_children(): it leaves out a module's second appearance.
    for name, child in network._modules.items():
        if child is None:
            continue
        if _is_chain(child):
            yield from _list_children(child, f"{prefix}{name}_")
        else:
            yield prefix + name, child


def find_kind(module: nn.Module) -> tuple[str, dict[str, Any]]:
    """A module's kind, and the options that rebuild it; an unknown module has the kind `module`."""
    kind, names = _KINDS.get(type(module), ("module", ()))
    if kind == "softmax" and module.dim is None:  # torch would choose the dimension by the tensor it gets
        return "module", {}
    options = {name: getattr(module, name) for name in names}
    return kind, {name: list(value) if isinstance(value, tuple) else value for name, value in options.items()}


_POOL = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")

# The kind's name, and the attributes that are its options. By the exact type: a subclass may compute something else.
_KINDS: Mapping[type[nn.Module], tuple[str, tuple[str, ...]]] = {
    Normalize: ("normalize", ()),
    nn.Conv1d: ("conv1d", ()),
    nn.Conv2d: ("conv2d", ()),
    nn.Conv3d: ("conv3d", ()),
    nn.Linear: ("linear", ()),
    nn.Flatten: ("flatten", ()),
    nn.Dropout: ("dropout", ()),
    nn.Dropout1d: ("dropout", ()),
    nn.Dropout2d: ("dropout", ()),
    nn.Dropout3d: ("dropout", ()),
    nn.AlphaDropout: ("dropout", ()),
    nn.AvgPool2d: ("avg_pool2d", ()),
    nn.AdaptiveAvgPool2d: ("adaptive_avg_pool2d", ()),
    nn.BatchNorm1d: ("batch_norm1d", ()),
    nn.BatchNorm2d: ("batch_norm2d", ()),
    nn.Identity: ("identity", ()),
    nn.ReLU: ("relu", ()),
    nn.LeakyReLU: ("leaky_relu", ("negative_slope",)),
    nn.ELU: ("elu", ("alpha",)),
    nn.Sigmoid: ("sigmoid", ()),
    nn.Tanh: ("tanh", ()),
    nn.Softplus: ("softplus", ("beta", "threshold")),
    nn.Softmax: ("softmax", ("dim",)),
    nn.MaxPool1d: ("max_pool1d", _POOL),
    nn.MaxPool2d: ("max_pool2d", _POOL),
    nn.MaxPool3d: ("max_pool3d", _POOL),
}
