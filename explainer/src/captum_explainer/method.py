"""What an attribution method declares, and what it is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from captum_explainer.parameters.kinds import Parameter
from captum_explainer.predictor.description import Access

Family = Literal["primary", "layer", "neuron"]


@dataclass(frozen=True)
class Problem:
    """What one Captum call is to explain.

    Attributes:
        model: The skeleton, [rows, *input shape] to [rows, outputs].
        inputs: float32 [rows, *input shape].
        target: The output to explain, one a row; empty for a neuron's methods.
        baselines: float32 [rows, *input shape], or for a method with several, [baselines, *input shape].
        layer: The skeleton's module whose output is the layer's, where the method takes one.
        parameters: The method's own parameters, validated, with their defaults.
        feature_mask: int64 [1, *input shape], the segment of each value, where the method takes segments.
        memo: What the method keeps of the one instance of this call for the calls for its other targets.
    """

    model: nn.Sequential
    inputs: Tensor
    target: list[int]
    baselines: Tensor
    layer: nn.Module | None
    parameters: dict[str, Any]
    feature_mask: Tensor | None = None
    memo: dict[str, Any] = field(default_factory=dict)

    @property
    def only_layer(self) -> nn.Module:
        """The layer, of a method that always has one."""
        assert self.layer is not None
        return self.layer

    @property
    def neuron(self) -> tuple[int, ...]:
        """The neuron's index in the layer's output, as Captum's `neuron_selector` takes it."""
        return tuple(self.parameters["neuron"])

    def parameters_for_captum(self, *names: str) -> dict[str, Any]:
        """Those parameters, as keyword arguments of Captum's `attribute`."""
        return {name: self.parameters[name] for name in names}


class Attribution(NamedTuple):
    """Attributions [rows, ...], and what else belongs into each row's details."""

    values: Tensor
    details: dict[str, Any] | None = None


@dataclass(frozen=True)
class Method:
    """A method of Captum's, as the catalogue shows it and the explainer runs it.

    Attributes:
        attribute: Runs Captum on a problem.
        summary: What it does, in one sentence.
        paper: Where it is described.
        access: What the predictor must give.
        family: What is explained, and where.
        parameters: Its own parameters by name, beside those that all methods share.
        baselines: Whether it takes none, one an instance, or a distribution of several.
        nonlinearities: Its backward rule is another one at nonlinearities, which must be local modules.
        takes_layer: It needs a layer though it attributes to the input.
        takes_segments: It attributes to groups of values, which `segmentation` chooses.
        one_by_one: Each instance is a Captum call of its own.
        random: It draws; implies a call of its own for each instance.
        complete: Its attributions sum to the difference of the scores at input and baseline.
    """

    attribute: Callable[[Problem], Attribution]
    summary: str
    paper: str
    access: Access = Access.GRADIENTS
    family: Family = "primary"
    parameters: dict[str, Parameter] = field(default_factory=dict)
    baselines: Literal["none", "one", "several"] = "none"
    nonlinearities: bool = False
    takes_layer: bool = False
    takes_segments: bool = False
    one_by_one: bool = False
    random: bool = False
    complete: bool = False

    @property
    def has_layer(self) -> bool:
        """Whether the request must name a layer."""
        return self.takes_layer or self.family != "primary"


def detached(values: Tensor | tuple[Tensor, ...]) -> Attribution:
    """Captum's attributions without details; of a tuple, which layer methods may return, the only one."""
    tensor = values[0] if isinstance(values, tuple) else values
    return Attribution(tensor.detach().to(torch.float32))
