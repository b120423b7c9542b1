"""Turns the explainer's HTTP response into JSON or into an error with a hint."""

import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import requests

from captum_client.errors import QueryError
from captum_client.printable import make_printable

STATUS_HINTS = {
    400: "--list-methods lists the methods, and with --method NAME that method's parameters.",
    401: "Send your token with --header 'Authorization: Bearer ...'.",
    403: "Send your token with --header 'Authorization: Bearer ...'.",
    404: "Check the model's name in URL (.../v1/models/NAME:explain), and HOST (kubectl get inferenceservice).",
    405: "URL must end in /v1/models/NAME:explain.",
    413: "Send fewer images at once.",
    502: "See the predictor's log.",
    503: "Try again in a moment; the server is starting or busy.",
    504: "Use fewer steps or samples (--parameters '{\"n_steps\": 20}'), or raise the explainer's --deadline_seconds.",
}


@dataclass(frozen=True)
class JsonAnswer:
    """A successful answer: the text that the server sent, and its parsed JSON."""

    text: str
    json: Any


def parse_answer(response: requests.Response, text: str) -> JsonAnswer:
    """Return the JSON in `text`, the body of `response`; raises QueryError for an error status or another format."""
    status = response.status_code
    if 300 <= status < 400:
        where = make_printable(response.headers.get("Location", "nowhere"))
        raise QueryError(f"The server redirects to {where} (status {status}).", "Use that address as URL.")
    hint = STATUS_HINTS.get(status, "")
    if status == HTTPStatus.SERVICE_UNAVAILABLE and (seconds := response.headers.get("Retry-After", "")).isdecimal():
        hint = f"Try again in {seconds} s; the server is starting or busy."
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError) as error:
        kind = make_printable(response.headers.get("Content-Type", "no content type"), 60)
        raise QueryError(
            f"The answer is not JSON (status {status}, {kind}): {_shorten_page(text)}",
            hint or "Check that URL points to an explainer.",
        ) from error
    if status != HTTPStatus.OK:
        raise QueryError(_extract_sentence(answer, status), hint)
    return JsonAnswer(text.strip(), answer)


def _extract_sentence(answer: object, status: int) -> str:
    """Return the server's error message. Other frameworks' servers put it under "detail"."""
    told = answer.get("error") or answer.get("detail") if isinstance(answer, dict) else answer
    return f"{make_printable(told or 'no reason given', 1000)} (status {status})"


def _shorten_page(text: str) -> str:
    without_tags = re.sub(r"<(script|style)\b.*?</\1>|<[^>]*>", " ", text[:20_000], flags=re.DOTALL | re.IGNORECASE)
    return make_printable(without_tags, 200) or "it is empty"
