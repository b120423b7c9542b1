"""Models that take tensors: which methods they have, and the plan for a request."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from captum_explainer.attribution.plan import Plan
from captum_explainer.catalogue.catalogue import catalogue, find_method
from captum_explainer.catalogue.method import Method
from captum_explainer.catalogue.resolve import Resolved, complete, find_held_shape, resolve
from captum_explainer.catalogue.shared_parameters import list_parameters
from captum_explainer.inputs.arrays import check_size, refuse_text_model
from captum_explainer.inputs.baselines import resolve_baselines
from captum_explainer.kinds.tensor.plan import TensorPlan
from captum_explainer.parameters.answer_size import check_answer
from captum_explainer.parameters.parameter import Parameter
from captum_explainer.parameters.row_limits import check_undivided
from captum_explainer.predictor_client.description import Access, Description
from captum_explainer.settings import Limits
from captum_explainer.skeleton.answer_book import Predictor

DEFAULT_METHOD = {
    Access.SCORES: "kernel_shap",
    Access.GRADIENTS: "integrated_gradients",
    Access.STRUCTURE: "integrated_gradients",
}


class TensorKind:
    """The kind of a model that takes tensors."""

    def __init__(self, description: Description, defaults: Mapping[str, Any]) -> None:
        self.default_method = defaults.get("method", DEFAULT_METHOD[description.usable])
        self._description = description
        self._defaults = defaults

    def find_method(self, name: object) -> Method:
        """The method of that name. Raises `BadInput`."""
        return find_method(name, catalogue(), self._description)

    def list_methods(self) -> dict[str, Method]:
        """The methods that this model's predictor makes possible."""
        return {name: method for name, method in catalogue().items() if method.access <= self._description.usable}

    def list_parameters(self, method: Method) -> dict[str, Parameter]:
        """The parameters that the method takes for this model."""
        return list_parameters(method, self._description)

    def resolve(self, parameters: dict[str, Any], instances: tuple[int, ...], limits: Limits) -> Resolved:
        """The method and its parameters for instances with this shape, [instances, *input shape]. Raises `BadInput`."""
        offer = self
        if self._description.input_shape is None:
            # A predictor that gives scores alone names no shape, and what suits a picture suits nothing else.
            shaped = replace(self._description, input_shape=instances[1:])
            offer = TensorKind(shaped, self._defaults)
        resolved = resolve(parameters, offer, limits, self._defaults)
        complete(resolved, self._description, limits, instances)
        check_answer_of(resolved, self._description, limits, instances)
        return resolved


def check_parameters(
    parameters: dict[str, Any], count: int, description: Description, limits: Limits, defaults: Mapping[str, Any]
) -> Resolved:
    """Check a request's parameters before its instances are decoded, and resolve them as far as they are known.

    Raises:
        BadInput: A value does not fit.
        TooLarge: The answer would be too large, or the instances.
    """
    refuse_text_model(description)
    kind = TensorKind(description, defaults)
    if description.input_shape is None:
        return resolve(parameters, kind, limits, defaults)
    check_size(count, description, limits)
    return kind.resolve(parameters, (count, *description.input_shape), limits)


def count_targets(resolved: Resolved, description: Description) -> int:
    """How many explanations each instance will have, at most."""
    top_k: int = resolved.get("top_k") or 1
    return top_k if description.output_width is None else min(top_k, description.output_width)


def check_answer_of(
    resolved: Resolved, description: Description, limits: Limits, instances: tuple[int, ...], arrays: int = 1
) -> None:
    """Check the size of the answer for instances with this shape, [instances, *input shape].

    Some formats have more `arrays` in it than the attributions, with the same shape.

    Raises:
        TooLarge: The server answers less.
    """
    layer, shape = resolved.get("layer"), instances[1:]
    if resolved.method.family == "layer" and layer is not None:
        held = description.find_shape(layer)
        shape = (held[0], *shape[-2:]) if resolved.get("upsample") and len(held) == 3 else held
    # Beside each attribution stands its segment.
    numbers = math.prod(shape) * (2 if resolved.method.takes.segments else arrays)
    explanations = instances[0] * count_targets(resolved, description)
    check_answer(explanations, numbers, limits, "ask for fewer instances, a smaller top_k or another layer")


@dataclass(frozen=True)
class TensorRequest:
    """Instances float32 [instances, *input shape], and the parameters as they were given."""

    instances: Tensor
    parameters: dict[str, Any]

    def plan(
        self, description: Description, session: Predictor, limits: Limits, defaults: Mapping[str, Any]
    ) -> list[Plan]:
        """One plan for all instances.

        Raises:
            BadInput: The parameters or baselines are wrong.
        """
        inputs = self.instances
        resolved = TensorKind(description, defaults).resolve(self.parameters, tuple(inputs.shape), limits)
        takes = resolved.method.takes.baselines
        baselines = resolve_baselines(
            resolved.get("baselines"), inputs, takes, description.input_range, resolved["seed"], limits.max_samples
        )
        if takes == "distribution":
            held = find_held_shape(resolved.method, resolved.get("layer"), description)
            check_undivided("baselines are", len(baselines[0]), inputs.shape[1:], held, limits)
        return [TensorPlan(description, session, limits, resolved, inputs, baselines)]
