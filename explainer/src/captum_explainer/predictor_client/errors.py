"""Turns what the predictor refuses into an error for the explainer's client."""

from captum_serving.errors import (
    BadGateway,
    BadInput,
    DeadlineExceeded,
    Forbidden,
    ServingError,
    TooLarge,
    Unauthorized,
    Unavailable,
)
from captum_serving.protocol.json_body import parse_json

from captum_explainer.predictor_client.http_connection import Reply

# The caller's own mistakes keep their status; any other refusal is the explainer's fault or the predictor's.
MEANINGS: dict[int, type[ServingError]] = {
    400: BadInput,
    401: Unauthorized,
    403: Forbidden,
    413: TooLarge,
    429: Unavailable,
    503: Unavailable,
    504: DeadlineExceeded,
}


def require_success(reply: Reply) -> Reply:
    """Return the reply if its status is 200.

    Raises:
        ServingError: The status is another one; the predictor's sentence is kept if it concerns the caller.
    """
    if reply.status == 200:
        return reply
    sentence = _read_sentence(reply.body)
    meaning = MEANINGS.get(reply.status, BadGateway)
    if meaning is BadGateway or sentence is None:
        raise meaning(f"the predictor answered with status {reply.status}" + (f": {sentence}" if sentence else ""))
    raise meaning(sentence)


def _read_sentence(body: bytes) -> str | None:
    try:
        error = parse_json(body)["error"]
    except (BadInput, TooLarge, KeyError, TypeError):
        return None
    return error[:500] if isinstance(error, str) else None
