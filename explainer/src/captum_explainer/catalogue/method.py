"""What an attribution method declares, and what it is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import torch
from captum.attr import NoiseTunnel
from torch import Tensor, nn

from captum_explainer.catalogue.path_integral import Integrate
from captum_explainer.parameters.noise_tunnel import SMOOTH
from captum_explainer.parameters.parameter import Parameter
from captum_explainer.parameters.path import PATH_PARAMETERS, translate_path
from captum_explainer.predictor_client.description import Access
from captum_explainer.skeleton.cuts import Cuts

Family = Literal["primary", "layer", "neuron"]


@dataclass(frozen=True)
class Problem:
    """What one Captum call explains.

    Attributes:
        model: [rows, *input shape] to [rows, outputs]: the skeleton.
        inputs: float32 [rows, *input shape].
        target: The output to explain, one per row; a method without a target ignores it.
        baselines: float32 [rows, *input shape], or [baselines, *input shape] for a method with several.
        layer: The skeleton's module for the layer; None for a method without a layer.
        parameters: The method's own parameters, validated, with their defaults.
        feature_mask: int64 [1, *input shape], the segment of each value, if the method takes segments.
        layer_mask: int64 [1, *layer's shape], the group of each unit, if the method takes groups of units.
        integrate: Integrates the target's gradient along paths, if the predictor can.
        memo: What the method computed for this call's one instance, kept for the calls for its other targets.
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
    def segments(self) -> Tensor:
        """The segment of each value of the one instance, int64 [*input shape], for a method that takes segments."""
        assert self.feature_mask is not None
        return self.feature_mask[0]

    def parameters_for_captum(self, *names: str) -> dict[str, Any]:
        """The named parameters, as keyword arguments for Captum's `attribute`, which takes tuples instead of lists."""
        values = {name: self.parameters[name] for name in names}
        return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}

    def run(self, explainer: Any, **arguments: Any) -> Attribution:  # noqa: ANN401 - captum is untyped
        """Run Captum's method on the inputs, in its noise tunnel if the request asks for one."""
        smooth = self.parameters.get("smooth")
        if smooth is not None:
            explainer, arguments = NoiseTunnel(explainer), smooth | arguments
        values = explainer.attribute(self.inputs, **arguments)
        # Layer methods may return a tuple of one.
        tensor = values[0] if isinstance(values, tuple) else values
        return Attribution(tensor.detach().to(torch.float32))


class Attribution(NamedTuple):
    """Attributions [rows, ...], and what they add to the details."""

    values: Tensor
    details: dict[str, Any] | None = None


@dataclass(frozen=True)
class About:
    """What the catalogue says about a method.

    Attributes:
        summary: What it does, in one sentence.
        when: What it is good for, and what to know before using it.
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
        own: Its own parameters by name; Captum's `attribute` takes them under the same names.
        path: It takes the parameters of path methods.
        smooth: It can run in Captum's noise tunnel.
        baselines: Whether it takes none, one per instance, several, or a distribution (two or more).
        layer: It needs a layer, although it attributes to the input.
        target: It explains one of the model's outputs, or a neuron's part in it.
        segments: It attributes to groups of values, which `segmentation` chooses.
        segmentation: How it divides pictures by default.
        evaluations: The number of perturbed inputs, from the number of segments and the parameters; by default one per
            segment.
        units: It attributes to groups of a layer's units, which `layer_mask` chooses.
    """

    own: dict[str, Parameter] = field(default_factory=dict)
    path: bool = False
    smooth: bool = False
    baselines: Literal["none", "one", "several", "distribution"] = "none"
    layer: bool = False
    target: bool = True
    segments: bool = False
    segmentation: Literal["quickshift", "grid"] = "quickshift"
    evaluations: Callable[[int, dict[str, Any]], int] | None = None
    units: bool = False

    @property
    def parameters(self) -> dict[str, Parameter]:
        """The method's parameters by name, without those that methods share."""
        return {**self.own, **(PATH_PARAMETERS if self.path else {}), **(SMOOTH if self.smooth else {})}


@dataclass(frozen=True)
class Passes:
    """How a method passes rows through the model.

    Attributes:
        points: Lists the rows [n, *input shape] of its one pass from inputs, baselines and parameters, if they are
            known before it runs; point `i` belongs to instance `i modulo instances`.
        integrates: It takes the integral of the gradient by the input, along straight paths and by a quadrature.
        replaces_layer: It replaces the layer's values, so a pass's values do not tell what is asked after the layer.
        one_by_one: Each instance is a Captum call of its own.
        random: It draws random numbers; each instance is then a call of its own, unless it is `across` them.
        across: It explains instances by comparing them: two or more, in one Captum call.
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
        captum: Captum's class.
        about: What the catalogue says about it.
        attribute_by: Runs it on a problem, if its class needs more than an instance and the arguments that it takes.
        needs: What the predictor must give: the name of an `Access`, in lower case.
        family: What is explained, and where.
        takes: What it takes from the request.
        backward: What it passes back through the model: the gradient, the gradient with another rule at
            nonlinearities, or relevance.
        passes: How it passes rows through the model.
        complete: Its attributions sum to the difference of the scores at input and baseline.
        slope: Its attributions are per unit of an input's value, as a gradient is, and not contributions.
    """

    captum: Any
    about: About
    attribute_by: Callable[[Problem], Attribution] | None = None
    needs: Literal["scores", "gradients", "structure"] = "gradients"
    family: Family = "primary"
    takes: Takes = Takes()
    backward: Literal["gradient", "nonlinearities", "relevance"] = "gradient"
    passes: Passes = Passes()
    complete: bool = False
    slope: bool = False

    def attribute(self, problem: Problem) -> Attribution:
        """Run Captum on a problem."""
        if self.attribute_by is not None:
            return self.attribute_by(problem)
        arguments = problem.parameters_for_captum(*self.takes.own)
        if self.takes.path:
            arguments |= translate_path(problem.parameters)
        if self.takes.target:
            arguments["target"] = problem.target
        if self.takes.baselines != "none":
            arguments["baselines"] = problem.baselines
        if self.takes.segments:
            arguments["feature_mask"] = problem.feature_mask
        if self.family == "neuron":
            arguments["neuron_selector"] = tuple(problem.parameters["neuron"])
        modules = [problem.model] if problem.layer is None else [problem.model, problem.layer]
        return problem.run(self.captum(*modules), **arguments)

    @property
    def access(self) -> Access:
        """What the predictor must give."""
        return Access[self.needs.upper()]

    @property
    def cuts(self) -> Cuts:
        """Where the model is cut for it, beside the layer."""
        return Cuts(nonlinearities=self.backward == "nonlinearities", relevance=self.backward == "relevance")

    @property
    def has_layer(self) -> bool:
        """True if the request must name a layer."""
        return self.takes.layer or self.family != "primary"

    @property
    def takes_metrics(self) -> bool:
        """True if Captum's metrics apply: the score is attributed to the input, for each instance by itself."""
        return self.family == "primary" and not self.passes.across
