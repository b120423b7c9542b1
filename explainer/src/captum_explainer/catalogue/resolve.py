"""Checks a request's parameters and adds the defaults."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from captum_serving.errors import BadInput
from captum_serving.sentences import describe_schema, name_nearest, shorten

from captum_explainer.catalogue.method import Method
from captum_explainer.inputs.image_axes import find_layout
from captum_explainer.parameters.layer_mask import count_groups
from captum_explainer.parameters.noise_tunnel import complete_smooth
from captum_explainer.parameters.parameter import Parameter
from captum_explainer.parameters.quality_metrics import choose_radius
from captum_explainer.parameters.row_limits import find_most_rows, limit_passes
from captum_explainer.parameters.surrogates import SURROGATES
from captum_explainer.predictor_client.description import Description
from captum_explainer.settings import Limits

# Occlusion's default window is this share of the picture: 4x4 of 28x28.
WINDOWS_ACROSS = 7


@dataclass(frozen=True)
class Resolved:
    """A method and its parameters, defaults included."""

    name: str
    method: Method
    values: dict[str, Any]

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - JSON
        return self.values[name]

    def get(self, name: str) -> Any:  # noqa: ANN401 - JSON
        """A parameter that not every method takes; None if this one does not."""
        return self.values.get(name)


class Offer(Protocol):
    """The methods for a model, and their parameters."""

    default_method: str

    def find_method(self, name: object) -> Method:
        """The method of that name. Raises `BadInput`."""
        ...

    def list_parameters(self, method: Method) -> dict[str, Parameter]:
        """Every parameter that the method takes for this model, but for `method` itself."""
        ...


def resolve(given: dict[str, Any], offer: Offer, limits: Limits, defaults: Mapping[str, Any]) -> Resolved:
    """Find a request's method, check its parameters and add the defaults.

    The server's own defaults come before the method's. A default that does not fit the method is ignored.

    Args:
        given: The request's parameters.
        offer: The methods and their parameters.
        limits: The server's limits.
        defaults: The server's own defaults for parameters.

    Raises:
        BadInput: A method or parameter is unknown, or a value does not fit or is missing.
    """
    name = given.get("method", offer.default_method)
    method = offer.find_method(name)
    known = offer.list_parameters(method)
    if "metrics" in given and not method.takes_metrics:
        what = "compares instances" if method.passes.across else f"is a {method.family} method"
        raise BadInput(
            f"metrics need a method that attributes the score to the input, for each instance alone; {name} {what}"
        )
    for key in given:
        if key != "method" and key not in known:
            raise BadInput(f"parameters of {name}: {name_nearest(key, ['method', *known])}")
    values: dict[str, Any] = {"method": name}
    for key, parameter in known.items():
        if key in given:
            if (key, given[key]) == ("n_steps", "auto"):
                wanted = describe_schema(parameter.apply_limits(limits))
                raise BadInput(f"n_steps is 'auto'; expected {wanted}: details.converged tells whether they suffice")
            parameter.check(key, given[key], limits)
            values[key] = _read_number(given[key], parameter)
        elif key in defaults and parameter.fits(defaults[key], limits):
            values[key] = _read_number(defaults[key], parameter)
        elif "default" in parameter.schema:
            values[key] = parameter.schema["default"]
        else:
            raise BadInput(f"{name} needs {key}; expected {describe_schema(parameter.schema)}")
    if values.get("alpha", 0.0) is None:
        values["alpha"] = SURROGATES[values["surrogate"]]
    return Resolved(name, method, values)


def _read_number(value: Any, parameter: Parameter) -> Any:  # noqa: ANN401 - JSON
    """JavaScript writes 1.0 as 1, and Captum and NumPy take that for something else."""
    return float(value) if type(value) is int and parameter.is_number else value


def complete(resolved: Resolved, description: Description, limits: Limits, instances: tuple[int, ...]) -> None:
    """Complete a tensor model's parameters with what depends on the instances [instances, *input shape] and the model.

    Raises:
        BadInput: A value does not fit them.
    """
    method, values, shape = resolved.method, resolved.values, instances[1:]
    if "metrics" in values:
        values["perturb_radius"] = choose_radius(values, description)
    if "neuron" in values:
        values["neuron"] = _check_neuron(values["neuron"], values["layer"], description)
    if "strides" in values:
        _complete_windows(values, shape, limits)
    if method.passes.across and instances[0] < 2:
        raise BadInput(
            f"{values['method']} compares instances with one another; got {instances[0]}, expected two or more"
        )
    held = find_held_shape(method, values.get("layer"), description)
    if values.get("smooth") is not None:
        most = find_most_rows(shape, held, limits.max_call_bytes)
        values["smooth"] = complete_smooth(values["smooth"], description, most)
        together = values["smooth"]["nt_samples_batch_size"]
    else:
        together = (
            1 if method.passes.one_by_one or (method.passes.random and not method.passes.across) else instances[0]
        )
    limit_passes(values, together, shape, held, limits, method.passes.rows_an_instance)
    if method.takes.units:
        units = count_groups(description.find_shape(values["layer"]), values["layer_mask"])
        _check_perturbations(f"the layer has {units} {values['layer_mask']}", units, limits)


def find_held_shape(method: Method, layer: str | None, description: Description) -> tuple[int, ...]:
    """The shape of what a pass holds here for each row: all stages' outputs if stages are local, or the layer's."""
    if method.cuts.nonlinearities or method.cuts.relevance:
        return (sum(math.prod(stage.shape) for stage in description.stages),)
    return () if layer is None else description.find_shape(layer)


def _check_perturbations(got: str, count: int, limits: Limits) -> None:
    if count > limits.max_perturbations:
        limit = f"{limits.max_perturbations} (the server's limit, --max_perturbations)"
        raise BadInput(f"{got}; expected at most {limit}")


def _check_neuron(neuron: int | list[int], layer: str, description: Description) -> list[int]:
    index = [neuron] if isinstance(neuron, int) else neuron
    shape = description.find_shape(layer)
    if len(index) != len(shape) or any(i >= size for i, size in zip(index, shape, strict=True)):
        raise BadInput(f"neuron is {shorten(neuron)}; expected an index into {layer}'s shape {list(shape)}")
    return index


def _complete_window(name: str, window: int | list[int] | None, shape: tuple[int, ...]) -> list[int]:
    layout = find_layout(shape)
    if window is None:
        across = shape if layout is None else (layout.height, layout.width)
        window = max(1, round(min(across) / WINDOWS_ACROSS))
    if isinstance(window, int):
        if layout is None:
            sizes = [window] * len(shape)
        else:
            sizes = [min(window, layout.height), min(window, layout.width)]
            if layout.channel_axis is not None:
                sizes.insert(layout.channel_axis, shape[layout.channel_axis])
        return [min(size, limit) for size, limit in zip(sizes, shape, strict=True)]
    if len(window) != len(shape) or any(size > limit for size, limit in zip(window, shape, strict=True)):
        raise BadInput(f"{name} is {shorten(window)}; expected one size a dimension, at most {list(shape)}")
    return window


def _complete_windows(values: dict[str, Any], shape: tuple[int, ...], limits: Limits) -> None:
    window = _complete_window("sliding_window_shapes", values["sliding_window_shapes"], shape)
    halves = [max(1, size // 2) for size in window]
    strides = halves if values["strides"] is None else _complete_window("strides", values["strides"], shape)
    if any(stride > size for stride, size in zip(strides, window, strict=True)):
        raise BadInput(f"strides is {shorten(strides)}; expected at most the window's size {window} in each dimension")
    steps = zip(shape, window, strides, strict=True)
    count = math.prod(1 + math.ceil((length - size) / stride) for length, size, stride in steps)
    _check_perturbations(f"these strides make {count} windows", count, limits)
    values |= {"sliding_window_shapes": window, "strides": strides}
