"""What an attribution method declares, and what it is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import torch
from captum.attr import NoiseTunnel
from torch import Tensor, nn

from captum_explainer.catalogue.path_integral import Integrate
from captum_explainer.parameters.parameter import Parameter
from captum_explainer.predictor_client.description import Access
from captum_explainer.skeleton.cuts import Cuts

Family = Literal["primary", "layer", "neuron"]


@dataclass(frozen=True)
class Problem:
    """What one call of Captum explains.

    Attributes:
        model: [rows, *input shape] to [rows, outputs]: the skeleton.
        inputs: float32 [rows, *input shape].
        target: The output to explain, one a row; what takes no target passes over it.
        baselines: float32 [rows, *input shape], or for a method with several, [baselines, *input shape].
        layer: The skeleton's module whose output is the layer's, where the method takes one.
        parameters: The method's own parameters, validated, with their defaults.
        feature_mask: int64 [1, *input shape], the segment of each value, where the method takes segments.
        layer_mask: int64 [1, *layer's shape], the group of each unit, where the method takes groups of them.
        integrate: Integrates the target's gradient along paths, where the predictor does.
        memo: What the method keeps of the one instance of this call for the calls for its other targets.
    """

    model: nn.Module
    inputs: Tensor
    target: list[int]
    baselines: Tensor
    layer: nn.Module | None
    parameters: dict[str, Any]
    feature_mask: Tensor | None = None
    layer_mask: Tensor | None = None
    integrate: Integrate | None = None
    memo: dict[str, Any] = field(default_factory=dict)

    @property
    def only_layer(self) -> nn.Module:
        """The layer, for a method that always has one."""
        assert self.layer is not None
        return self.layer

    @property
    def neuron(self) -> tuple[int, ...]:
        """The neuron's index in the layer's output, as Captum's `neuron_selector` takes it."""
        return tuple(self.parameters["neuron"])

    def parameters_for_captum(self, *names: str) -> dict[str, Any]:
        """The named parameters, as keyword arguments for Captum's `attribute`."""
        return {name: self.parameters[name] for name in names}

    def run(self, explainer: Any, **arguments: Any) -> Attribution:  # noqa: ANN401 - captum is untyped
        """Run Captum's method on the inputs, in its noise tunnel if the request asks for one."""
        smooth = self.parameters.get("smooth")
        if smooth is None:
            return detach(explainer.attribute(self.inputs, **arguments))
        return detach(NoiseTunnel(explainer).attribute(self.inputs, **smooth, **arguments))


class Attribution(NamedTuple):
    """Attributions [rows, ...], and what they add to each row's details."""

    values: Tensor
    details: dict[str, Any] | None = None


@dataclass(frozen=True)
class About:
    """What the catalogue says of a method.

    Attributes:
        summary: What it does, in one sentence.
        when: What it is good for, and what to know before; for the page of methods.
        cost: How often it asks the predictor after the first exchange, for the predicted class: an expression over
            parameters and the names in `cost_words`, which has it in words.
        paper: Where it is described.
    """

    summary: str
    when: str
    cost: str
    paper: str


@dataclass(frozen=True)
class Takes:
    """What a method takes from the request.

    Attributes:
        parameters: Its own parameters by name, beside those that all methods share.
        baselines: Whether it takes none, one an instance, several, or a distribution: two or more.
        layer: It needs a layer though it attributes to the input.
        target: It explains one of the model's outputs, or how a neuron brings it about.
        segments: It attributes to groups of values, which `segmentation` chooses.
        segmentation: How it divides pictures, where the request does not say.
        evaluations: The number of perturbed inputs for a number of segments, by its parameters; by default one each.
        units: It attributes to groups of a layer's units, which `layer_mask` chooses.
    """

    parameters: dict[str, Parameter] = field(default_factory=dict)
    baselines: Literal["none", "one", "several", "distribution"] = "none"
    layer: bool = False
    target: bool = True
    segments: bool = False
    segmentation: Literal["quickshift", "grid"] = "quickshift"
    evaluations: Callable[[int, dict[str, Any]], int] | None = None
    units: bool = False


@dataclass(frozen=True)
class Passes:
    """How a method passes rows through the model.

    Attributes:
        points: The rows [n, *input shape] of its one pass, by inputs, baselines and parameters, where they are known
            before it runs; point `i` belongs to instance `i modulo instances`.
        integrates: It takes the integral of the gradient by the input, along straight paths and by a quadrature.
        replaces_layer: It gives the layer other values than the network's, so the values of a pass do not tell what is
            asked behind the layer.
        one_by_one: Each instance is a Captum call of its own.
        random: It draws; each instance is then a call of its own, unless it is `across` them.
        across: It explains the instances by one another: two or more, in one Captum call.
        repeats: It passes the same rows again.
        rows_an_instance: The fewest rows of a pass for each instance.
    """

    points: Callable[[Tensor, Tensor, dict[str, Any]], Tensor | None] | None = None
    integrates: bool = False
    replaces_layer: bool = False
    one_by_one: bool = False
    random: bool = False
    across: bool = False
    repeats: bool = False
    rows_an_instance: int = 1


@dataclass(frozen=True)
class Method:
    """A Captum method, as the catalogue shows it and the explainer runs it.

    Attributes:
        attribute: Runs Captum on a problem.
        about: What the catalogue says of it.
        access: What the predictor must give.
        family: What is explained, and where.
        takes: What it takes from the request.
        cuts: Where the model is cut for it, beside the layer.
        passes: How it passes rows through the model.
        complete: Its attributions sum to the difference of the scores at input and baseline.
        slope: Its attributions are per unit of an input's value, as a gradient is, and not contributions.
    """

    attribute: Callable[[Problem], Attribution]
    about: About
    access: Access = Access.GRADIENTS
    family: Family = "primary"
    takes: Takes = Takes()
    cuts: Cuts = Cuts()  # noqa: RUF009 - it is frozen
    passes: Passes = Passes()
    complete: bool = False
    slope: bool = False

    @property
    def has_layer(self) -> bool:
        """True if the request must name a layer."""
        return self.takes.layer or self.family != "primary"

    @property
    def takes_metrics(self) -> bool:
        """True if Captum's metrics apply: the score is attributed to the input, for each instance by itself."""
        return self.family == "primary" and not self.passes.across


def detach(values: Tensor | tuple[Tensor, ...]) -> Attribution:
    """Captum's attributions without details; layer methods may return them in a tuple of one."""
    tensor = values[0] if isinstance(values, tuple) else values
    return Attribution(tensor.detach().to(torch.float32))
