"""V1's instances of a text model, and V2's tensors of texts, read and checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from captum_serving.errors import BadInput
from captum_serving.protocol.extension_names import TEXT, TEXT_PAIR

from captum_predictor.engine.arrays import Array
from captum_predictor.kinds.text.model import Task

QUESTION = "question"
CONTEXT = "context"


@dataclass(frozen=True)
class Texts:
    """A text, and its pair if there is one; for question answering, the question and its context."""

    text: str
    pair: str | None


def read_instances(instances: Sequence[object], task: Task) -> list[Texts]:
    """A string, `{"text": ...}` or `{"text": ..., "text_pair": ...}`, or `{"question": ..., "context": ...}`.

    Raises:
        BadInput: An instance has another form, or one that the task does not take.
    """
    names = (QUESTION, CONTEXT) if task is Task.ANSWER else (TEXT, TEXT_PAIR) if task is Task.SEQUENCE else (TEXT,)
    needed = names if task is Task.ANSWER else (TEXT,)
    return [_read_instance(instance, f"instances[{i}]", names, needed) for i, instance in enumerate(instances)]


def _read_instance(instance: object, where: str, names: tuple[str, ...], needed: tuple[str, ...]) -> Texts:
    if isinstance(instance, str) and needed == (TEXT,):
        return Texts(instance, None)
    expected = f"expected an object with {' and '.join(repr(name) for name in needed)}"
    if needed == (TEXT,):
        expected = f"expected a string, or {expected.removeprefix('expected ')}"
    if not isinstance(instance, dict):
        raise BadInput(f"{where}: is {_name_kind(instance)}; {expected}")
    if unknown := sorted(instance.keys() - set(names)):
        raise BadInput(f"{where}: key {unknown[0][:80]!r} is not known; expected {', '.join(names)}")
    for name in needed:
        if name not in instance:
            raise BadInput(f"{where}: {name!r} is missing; {expected}")
    for name, value in instance.items():
        if not isinstance(value, str):
            raise BadInput(f"{where}: {name!r} is {_name_kind(value)}; expected a string")
    return Texts(instance[names[0]], instance.get(names[-1]) if len(names) > 1 else None)


def read_tensors(tensors: Mapping[str, Array], task: Task) -> list[Texts]:
    """V2's `text` and `text_pair`, BYTES `[rows]`; for question answering, the questions and their contexts.

    Raises:
        BadInput: Other datatypes or shapes, or what the task does not take.
    """
    if TEXT not in tensors or (task is Task.ANSWER and TEXT_PAIR not in tensors):
        raise BadInput(
            f"inputs are {', '.join(tensors)}; expected 'text' (the question) and 'text_pair' (its context)"
            if task is Task.ANSWER
            else f"inputs are {', '.join(tensors)}; expected 'text'"
        )
    if task is Task.TOKENS and TEXT_PAIR in tensors:
        raise BadInput("inputs are text, text_pair; expected 'text' alone: this model labels the tokens of one text")
    rows = tensors[TEXT].shape[:1]
    for name, tensor in tensors.items():
        if tensor.dtype.kind != "O":
            raise BadInput(f"{name}: holds numbers; expected the datatype BYTES")
        if tensor.shape != rows:
            raise BadInput(f"{name}: shape is {list(tensor.shape)}; expected {list(rows) or '[n]'}, a string a row")
    pairs = tensors[TEXT_PAIR] if TEXT_PAIR in tensors else [None] * len(tensors[TEXT])
    return [Texts(text, pair) for text, pair in zip(tensors[TEXT], pairs, strict=True)]


def _name_kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
