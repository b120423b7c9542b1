"""Reads and checks a request's texts."""

from typing import Any

from captum_serving.errors import BadInput, TooLarge
from captum_serving.sentences import shorten

from captum_explainer.inputs.arrays import list_instances
from captum_explainer.predictor_client.description import Access, Description, TextTask
from captum_explainer.predictor_client.texts import Text
from captum_explainer.settings import Limits

QUESTION, CONTEXT = "question", "context"
# The keys under which an object holds its text; the last two are those of TorchServe's envelope.
HOLDERS = ("text", "data", "body")
PAIR = "text_pair"
# How many keys an error shows.
MOST_KEYS = 5


def are_texts(instances: object, description: Description) -> bool:
    """Whether instances are texts: the model takes texts, or the predictor does not say and they look like texts."""
    if description.access > Access.SCORES:
        return description.text is not None
    first = instances[0] if isinstance(instances, list) and instances else None
    return isinstance(first, str) or (isinstance(first, dict) and "text" in first)


def read_texts(instances: object, description: Description, limits: Limits) -> list[Text]:
    """Read strings, `{"text": ...}` with or without a `text_pair`, or for question answering `{"question", "context"}`.

    An object may hold a `target`.

    Raises:
        BadInput: They are not a list of texts, or not what the task takes.
        TooLarge: More than the server takes.
    """
    listed = list_instances(instances, "texts", limits)
    task = TextTask.SEQUENCE if description.text is None else description.text.task
    texts = [_read_text(instance, f"instances[{i}]", task) for i, instance in enumerate(listed)]
    characters = sum(len(part) for text in texts for part in text.parts)
    if characters > limits.max_characters:
        raise TooLarge(
            f"the texts have {characters} characters; expected at most {limits.max_characters} together "
            "(the server's limit, --max_characters)"
        )
    return texts


def _read_text(instance: object, name: str, task: TextTask) -> Text:
    if task is TextTask.ANSWER:
        parts = _read_strings(instance, name, '{"question": ..., "context": ...}')
        if set(parts) != {QUESTION, CONTEXT}:
            raise BadInput(f"{name} has the keys {_name_keys(parts)}; expected 'question' and 'context'")
        return Text(parts[QUESTION], parts[CONTEXT])
    if isinstance(instance, str):
        return Text(instance)
    parts = _read_strings(instance, name, 'a string or {"text": ...}')
    pair = parts.pop(PAIR, None) if task is TextTask.SEQUENCE else None
    if len(parts) != 1 or not set(parts) <= set(HOLDERS):
        more = " and at most a 'text_pair' and a 'target'" if task is TextTask.SEQUENCE else " and at most a 'target'"
        raise BadInput(f"{name} has the keys {_name_keys(parts)}; expected 'text'{more}")
    return Text(next(iter(parts.values())), pair)


def _read_strings(instance: object, name: str, expected: str) -> dict[str, str]:
    if not isinstance(instance, dict):
        raise BadInput(f"{name} is {shorten(instance)}; expected {expected}")
    parts: dict[str, Any] = {str(key): value for key, value in instance.items() if key != "target"}
    for key, value in parts.items():
        if not isinstance(value, str):
            raise BadInput(f"{name}.{key[:80]} is {shorten(value)}; expected a string")
    return parts


def _name_keys(parts: dict[str, str]) -> str:
    return ", ".join(repr(key[:80]) for key in [*parts][:MOST_KEYS]) or "none"
