"""A request's parameters, checked and completed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from captum_serving.errors import BadInput
from captum_serving.sentences import describe_schema, name_nearest

from captum_explainer.catalogue.catalogue import find_method
from captum_explainer.catalogue.method import Method
from captum_explainer.catalogue.shared_parameters import all_parameters
from captum_explainer.inputs.image_axes import find_layout
from captum_explainer.parameters import noise_tunnel
from captum_explainer.parameters.layer_mask import groups_of
from captum_explainer.parameters.parameter import Parameter
from captum_explainer.parameters.path import AUTO
from captum_explainer.parameters.quality_metrics import radius
from captum_explainer.parameters.row_limits import limit_passes, most_rows
from captum_explainer.parameters.surrogates import SURROGATES
from captum_explainer.predictor_client.description import Access, Description
from captum_explainer.settings import Settings

DEFAULT_METHOD = {
    Access.SCORES: "kernel_shap",
    Access.GRADIENTS: "integrated_gradients",
    Access.STRUCTURE: "integrated_gradients",
}

# Occlusion's default window is this part of the picture: 4x4 of 28x28.
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
        """A parameter that not every method takes; None where this one does not."""
        return self.values.get(name)


def resolve(
    given: dict[str, Any], description: Description, settings: Settings, instances: tuple[int, ...]
) -> Resolved:
    """Check a request's parameters against its method's schema and complete them by the defaults.

    The server's own defaults come before the method's; those that the method does not take, or not so, are
    passed over.

    Args:
        given: The request's parameters.
        description: The model.
        settings: The server's limits and defaults.
        instances: The shape [instances, *input shape] that is to be explained.

    Raises:
        BadInput: An unknown method or parameter, or a value that does not fit.
    """
    name = given.get("method", settings.defaults.get("method", DEFAULT_METHOD[description.access]))
    method = find_method(name, description.access)
    # A predictor that gives scores alone names no shape, and what suits a picture suits nothing else.
    shaped = replace(description, input_shape=instances[1:]) if description.input_shape is None else description
    known = all_parameters(method, shaped)
    if "metrics" in given and not method.takes_metrics:
        what = "explains instances by one another" if method.across else f"is a {method.family} method"
        raise BadInput(f"metrics are of what attributes the score to the input, instance by instance; {name} {what}")
    values = checked(name, given, known, settings)
    _check_auto(values, given, known)
    _complete(values, method, description, settings, instances)
    return Resolved(name, method, values)


def checked(name: str, given: dict[str, Any], known: dict[str, Parameter], settings: Settings) -> dict[str, Any]:
    """What is given of a method's parameters, and the defaults of the rest: the server's own, or else the method's.

    Raises:
        BadInput: An unknown parameter, a value that does not fit, or one that is missing.
    """
    for key in given:
        if key != "method" and key not in known:
            raise BadInput(f"parameters of {name}: {name_nearest(key, ['method', *known])}")
    values: dict[str, Any] = {"method": name}
    for key, parameter in known.items():
        if key in given:
            parameter.check(key, given[key], settings)
            values[key] = given[key]
        elif key in settings.defaults and parameter.fits(settings.defaults[key], settings):
            values[key] = settings.defaults[key]
        elif "default" in parameter.schema:
            values[key] = parameter.schema["default"]
        else:
            raise BadInput(f"{name} needs {key}; expected {describe_schema(parameter.schema)}")
    return values


def _check_auto(values: dict[str, Any], given: dict[str, Any], known: dict[str, Parameter]) -> None:
    """Of noisy inputs there is no convergence delta: steps that go by it are refused, or give way as a default."""
    if values.get("n_steps") != AUTO or values.get("smooth") is None:
        return
    if "n_steps" in given:
        raise BadInput("n_steps is 'auto', and of smooth there is no convergence delta; expected a number of steps")
    values["n_steps"] = known["n_steps"].schema["default"]


def _complete(
    values: dict[str, Any], method: Method, description: Description, settings: Settings, instances: tuple[int, ...]
) -> None:
    shape = instances[1:]
    if "metrics" in values:
        values["perturb_radius"] = radius(values, description)
    if "neuron" in values:
        values["neuron"] = _neuron(values["neuron"], values["layer"], description)
    if values.get("alpha", 0.0) is None:
        values["alpha"] = SURROGATES[values["surrogate"]]
    if "strides" in values:
        _complete_windows(values, shape, settings)
    if method.across and instances[0] < 2:
        raise BadInput(
            f"{values['method']} explains instances by one another; expected two or more of them, got {instances[0]}"
        )
    held = held_shape(method, values.get("layer"), description)
    if values.get("smooth") is not None:
        most = most_rows(shape, held, settings.max_call_bytes)
        values["smooth"] = noise_tunnel.completed(values["smooth"], description, most)
        together = values["smooth"]["nt_samples_batch_size"]
    else:
        together = 1 if method.one_by_one or (method.random and not method.across) else instances[0]
    limit_passes(values, together, shape, held, settings, method.rows_an_instance)
    if method.takes_units:
        _check_units(values["layer_mask"], description.shape_of(values["layer"]), settings)


def held_shape(method: Method, layer: str | None, description: Description) -> tuple[int, ...]:
    """What one row of a method's pass holds here: all stages' outputs where they are modules here, or its layer's."""
    if method.nonlinearities or method.relevance:
        return (sum(math.prod(stage.shape) for stage in description.stages),)
    return () if layer is None else description.shape_of(layer)


def _check_units(layer_mask: str, shape: tuple[int, ...], settings: Settings) -> None:
    count = groups_of(shape, layer_mask)
    if count > settings.max_perturbations:
        raise BadInput(
            f"the layer has {count} {layer_mask}; expected at most {settings.max_perturbations} "
            "(the server's limit, --max_perturbations)"
        )


def _neuron(neuron: int | list[int], layer: str, description: Description) -> list[int]:
    index = [neuron] if isinstance(neuron, int) else neuron
    shape = description.shape_of(layer)
    if len(index) != len(shape) or any(i >= size for i, size in zip(index, shape, strict=True)):
        raise BadInput(f"neuron is {neuron}; expected an index into {layer}'s shape {list(shape)}")
    return index


def _window(name: str, window: int | list[int] | None, shape: tuple[int, ...]) -> list[int]:
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
        raise BadInput(f"{name} is {window}; expected one size a dimension, at most {list(shape)}")
    return window


def _complete_windows(values: dict[str, Any], shape: tuple[int, ...], settings: Settings) -> None:
    window = _window("sliding_window_shapes", values["sliding_window_shapes"], shape)
    halves = [max(1, size // 2) for size in window]
    strides = halves if values["strides"] is None else _window("strides", values["strides"], shape)
    _check_windows(window, strides, shape, settings)
    values |= {"sliding_window_shapes": window, "strides": strides}


def _check_windows(window: list[int], strides: list[int], shape: tuple[int, ...], settings: Settings) -> None:
    if any(stride > size for stride, size in zip(strides, window, strict=True)):
        raise BadInput(f"strides is {strides}; expected at most the window's size {window} in each dimension")
    count = 1
    for size, stride, limit in zip(window, strides, shape, strict=True):
        count *= 1 + -(-(limit - size) // stride)
    if count > settings.max_perturbations:
        raise BadInput(
            f"these strides make {count} windows; expected at most {settings.max_perturbations} "
            "(the server's limit, --max_perturbations)"
        )
