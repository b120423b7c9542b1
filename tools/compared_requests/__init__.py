"""The requests whose answers are compared between two checkouts."""

from collections.abc import Iterator

from tools.compared_requests.asked import Asked
from tools.compared_requests.documents import list_documents
from tools.compared_requests.formats import list_formats
from tools.compared_requests.mistakes import list_mistakes
from tools.compared_requests.pictures import Methods, list_explanations
from tools.compared_requests.predictions import list_predictions, list_text_predictions
from tools.compared_requests.texts import list_text_explanations

PICTURES = ("mnist", "fashion-mnist")
TEXTS = ("sentiment",)
# Mistakes and stand-ins do not depend on the network: one model of pictures is enough.
WITH_STAND_IN = ("mnist", *TEXTS)


def list_requests(model: str, methods: Methods) -> Iterator[Asked]:
    """All requests of a shipped model, which has these methods."""
    yield from list_documents(model)
    if model in TEXTS:
        yield from list_text_predictions(model)
        yield from list_text_explanations(model, methods)
    else:
        yield from list_predictions(model)
        yield from list_explanations(model, methods)
        yield from list_formats(model, model in WITH_STAND_IN)
    if model in WITH_STAND_IN:
        yield from list_mistakes(model, model in TEXTS)


__all__ = ["PICTURES", "TEXTS", "Asked", "Methods", "list_requests"]
