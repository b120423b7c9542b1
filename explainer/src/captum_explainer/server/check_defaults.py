"""Checks the server's own defaults for parameters before it serves."""

from captum_serving.errors import BadInput
from captum_serving.sentences import name_nearest

from captum_explainer.catalogue.catalogue import catalogue, find_method
from captum_explainer.catalogue.shared_parameters import list_parameters
from captum_explainer.kinds.text import methods as text_methods
from captum_explainer.parameters.parameter import Parameter
from captum_explainer.predictor_client.description import Access, Description
from captum_explainer.settings import Settings

# Only the model knows its layers and neurons.
OF_THE_MODEL = ("layer", "neuron")


def check_defaults(settings: Settings) -> None:
    """Check `--defaults` against the parameters of all methods.

    Raises:
        BadInput: No method takes a parameter, or its value fits none of the methods that take it.
    """
    unknown_model = Description(settings.model_name, Access.STRUCTURE, offered=Access[settings.max_access.upper()])
    taken: dict[str, list[Parameter]] = {}
    offered = [list_parameters(method, unknown_model) for method in catalogue().values()]
    offered += [text_methods.list_text_parameters(method, unknown_model) for method in text_methods.METHODS.values()]
    for parameters in offered:
        for name, parameter in parameters.items():
            taken.setdefault(name, []).append(parameter)
    for name, value in settings.defaults.items():
        if name == "method":
            find_method(value, catalogue(), unknown_model)
        elif name not in taken:
            raise BadInput(f"--defaults: {name_nearest(name, ['method', *taken])}")
        elif name not in OF_THE_MODEL and not any(parameter.fits(value, settings.limits) for parameter in taken[name]):
            taken[name][0].check(f"--defaults: {name}", value, settings.limits)
