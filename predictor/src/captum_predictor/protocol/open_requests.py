"""What anyone may ask of a predictor whose extension needs a key: the model's outputs, and a text's tokens."""

from captum_serving.errors import Forbidden
from captum_serving.protocol.extension_names import (
    EXTENSION_KEY,
    GRADIENT_FROM,
    GRADIENT_SOURCE,
    PREDICTED_ROWS,
    SINK,
)
from captum_serving.protocol.requested import read_object
from captum_serving.protocol.wire import Message

from captum_predictor.kinds.kind import Kind

GRADIENTS = (PREDICTED_ROWS, GRADIENT_FROM, GRADIENT_SOURCE)


def check_open(message: Message, kind: Kind) -> None:
    """Check that a V2 request asks for nothing that needs the key.

    Whatever else it names is refused in the same words, known or not: they tell nothing of the structure.

    Raises:
        BadInput: Its parameters are no object.
        Forbidden: It has other inputs than the model's, other outputs, or a parameter of the extension.
    """
    if not message.tensors.keys().isdisjoint(kind.text_inputs):
        return  # texts lead to their tokens alone
    source, sink = kind.model.input_name, kind.model.stages[-1].name
    inputs = message.tensors.keys()
    if source not in inputs or not inputs <= {source, *kind.extra_inputs}:
        _refuse(f"inputs are {', '.join(repr(name[:80]) for name in inputs)}", ", ".join([source, *kind.extra_inputs]))
    parameters = read_object(message.document, "parameters")
    for name in GRADIENTS:
        if name in parameters:
            _refuse(f"there is the parameter {name}", "none for a gradient")
    if parameters.get(SINK) not in (None, sink):
        _refuse(f"{SINK} is {str(parameters[SINK])[:80]!r}", repr(sink))
    outputs = message.document.get("outputs")
    if isinstance(outputs, list) and outputs:
        names = [entry.get("name") if isinstance(entry, dict) else None for entry in outputs[:2]]
        if names != [sink]:
            _refuse(f"outputs are {', '.join(repr(str(name)[:80]) for name in names)}", f"{sink!r} alone")


def _refuse(got: str, expected: str) -> None:
    raise Forbidden(
        f"{got}; expected {expected}: anything else needs the extension's key, in the header {EXTENSION_KEY}"
    )
