"""Reads what a V2 request says about its answer: which outputs, in which order, and which of them as bytes."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from captum_serving.errors import BadInput
from captum_serving.protocol.wire import Message
from captum_serving.sentences import cut

T = TypeVar("T")


def read_outputs(
    message: Message, choices: Sequence[str], hint: str = "", default: Sequence[str] | None = None
) -> dict[str, bool]:
    """Read the names of the outputs, in the answer's order, and whether each is sent as bytes.

    A request that names none gets the `default` outputs, or all `choices` if there is no default. `hint` ends the
    sentence that refuses an output which is not among the choices.

    Raises:
        BadInput: An output is not among the choices or is named twice, or the request does not follow V2.
    """
    identifier = message.document.get("id")
    if identifier is not None and not isinstance(identifier, str):
        raise BadInput("id is not a string; expected a string or none")
    binary = (
        read_parameter(read_object(message.document, "parameters"), "binary_data_output", bool, "true or false")
        or False
    )
    requested = message.document.get("outputs")
    if requested is None or requested == []:
        return dict.fromkeys(choices if default is None else default, binary)
    if not isinstance(requested, list):
        raise BadInput("outputs is not a list; expected a list of objects with a 'name', or none")
    outputs: dict[str, bool] = {}
    for entry in requested:
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str) or name not in choices or name in outputs:
            raise BadInput(f"outputs: got {cut(name, 80)!r}; expected each of {', '.join(choices)} at most once{hint}")
        own = read_parameter(read_object(entry, "parameters"), "binary_data", bool, "true or false")
        outputs[name] = binary if own is None else own
    return outputs


def read_object(parent: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Read the object at a key; it is empty if there is none.

    Raises:
        BadInput: Something else is there.
    """
    value = parent.get(key)
    if value is not None and not isinstance(value, dict):
        raise BadInput(f"{key} is not an object; expected a JSON object or none")
    return value or {}


def read_parameter(parameters: Mapping[str, Any], key: str, kind: type[T], expected: str) -> T | None:
    """Read a parameter of this type; None if there is none. `expected` says the type in words.

    Raises:
        BadInput: It has another type.
    """
    value = parameters.get(key)
    if value is not None and type(value) is not kind:  # Python takes true for an int
        raise BadInput(f"parameters: {key} is {cut(value, 80)!r}; expected {expected}")
    return value
