"""One request to the explainer, and what to tell the user when it fails."""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Self

import requests
import urllib3

from captum_client.errors import QueryError
from captum_client.printable import printable

MAX_ANSWER_BYTES = 256 * 2**20
_TOO_SLOW = "Take fewer steps or samples (--parameters '{\"n_steps\": 20}'), or wait longer with --timeout."
_HINTS = {
    400: "--list-methods shows the methods; with --method NAME, its parameters too.",
    401: "Send your token with --header 'Authorization: Bearer ...'.",
    403: "Send your token with --header 'Authorization: Bearer ...'.",
    404: "Are the model's name in URL (.../v1/models/NAME:explain) and HOST (kubectl get inferenceservice) right?",
    405: "URL is to end in /v1/models/NAME:explain.",
    413: "Send fewer images at once.",
    502: "The predictor's log tells more.",
    503: "Try again in a moment; the server is starting or busy.",
    504: "Take fewer steps or samples (--parameters '{\"n_steps\": 20}'), or raise the explainer's --deadline_seconds.",
}


@dataclass(frozen=True)
class Answer:
    """A successful answer: its text, byte for byte what the server sent, and the JSON in it."""

    text: str
    json: Any


class Explainer:
    """The explainer at a URL, asked over one kept-alive connection; `timeout` is each answer's, in seconds."""

    def __init__(self, url: str, host: str, headers: Mapping[str, str], timeout: float) -> None:
        self.url = url
        self.timeout = timeout
        self._session = requests.Session()
        self._session.headers.update({"Accept": "application/json", **({"Host": host} if host else {}), **headers})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def explain(self, request: Mapping[str, object]) -> Answer:
        """POST `request`; raises QueryError with the server's own sentence where it refuses."""
        return _checked(*self._send("POST", request))

    def page(self, request: Mapping[str, object]) -> str:
        """POST `request`, whose answer is to be HTML; raises QueryError as `explain` does."""
        response, text = self._send("POST", request)
        kind = response.headers.get("Content-Type", "")
        if response.status_code == HTTPStatus.OK and not kind.startswith("text/html"):
            raise QueryError(
                f"The answer is not HTML but {printable(kind or 'of no type', 60)}.", "Update the explainer."
            )
        return text if response.status_code == HTTPStatus.OK else _checked(response, text).text

    def methods(self) -> Answer:
        """GET the catalogue of methods; raises QueryError as `explain` does."""
        return _checked(*self._send("GET", None))

    def _send(self, verb: str, body: Mapping[str, object] | None) -> tuple[requests.Response, str]:
        deadline = time.monotonic() + self.timeout
        try:
            # A followed redirect would turn the POST into a GET.
            with self._session.request(
                verb, self.url, json=body, timeout=self.timeout, allow_redirects=False, stream=True
            ) as response:
                text = self._read(response, deadline)
        # urllib3's own errors and ValueError come through requests for some malformed URLs and answers.
        except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
            raise self._explain_failure(error) from error
        return response, text

    def _read(self, response: requests.Response, deadline: float) -> str:
        parts: list[bytes] = []
        size = 0
        # Not iter_content, which waits for a whole chunk: an answer that trickles would outlive the deadline.
        while part := response.raw.read1(2**16, decode_content=True):
            size += len(part)
            if size > MAX_ANSWER_BYTES:
                raise QueryError(f"The answer has more than {MAX_ANSWER_BYTES // 2**20} MB.", "Send fewer images.")
            if time.monotonic() > deadline:
                raise self._timed_out()
            parts.append(part)
        return b"".join(parts).decode("utf-8", "replace")

    def _timed_out(self) -> QueryError:
        return QueryError(f"{self.url} did not answer within {self.timeout:g} s.", _TOO_SLOW)

    def _explain_failure(self, error: Exception) -> QueryError:
        reason = str(error)
        if isinstance(error, requests.ConnectTimeout):
            return QueryError(f"{self.url} cannot be reached: no connection within {self.timeout:g} s.", "Is it right?")
        if isinstance(error, requests.Timeout) or "Read timed out" in reason:
            return self._timed_out()
        if isinstance(error, requests.exceptions.SSLError):
            hint = "Does the server speak http? For a certificate of your own, set REQUESTS_CA_BUNDLE."
            return QueryError(f"No secure connection to {self.url}: {printable(reason, 160)}.", hint)
        if isinstance(error, requests.exceptions.ProxyError):
            return QueryError(f"The proxy does not let {self.url} through.", "Look at HTTP_PROXY and NO_PROXY.")
        if "NameResolutionError" in reason:
            return QueryError(
                f"The host name in {self.url} is not known.",
                "URL is to have an address that is reachable; HOST may be any name.",
            )
        if "Connection refused" in reason:
            hint = "Is the server running (make serve), or the port forwarded (kubectl port-forward)?"
            return QueryError(f"Nothing listens at {self.url}: connection refused.", hint)
        if isinstance(error, requests.ConnectionError | urllib3.exceptions.ProtocolError):
            return QueryError(f"The connection to {self.url} broke: {printable(reason, 160)}.", _HINTS[503])
        return QueryError(f"{self.url} cannot be asked: {printable(reason, 160)}.")


def _checked(response: requests.Response, text: str) -> Answer:
    status = response.status_code
    if 300 <= status < 400:
        where = printable(response.headers.get("Location", "nowhere"))
        raise QueryError(f"The server redirects to {where} (status {status}).", "Take that as URL.")
    hint = _HINTS.get(status, "")
    if status == HTTPStatus.SERVICE_UNAVAILABLE and (seconds := response.headers.get("Retry-After", "")).isdecimal():
        hint = f"Try again in {seconds} s; the server is starting or busy."
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError) as error:
        kind = printable(response.headers.get("Content-Type", "no content type"), 60)
        raise QueryError(
            f"The answer is not JSON (status {status}, {kind}): {_shortened(text)}",
            hint or "Is it the explainer that answers at URL?",
        ) from error
    if status != HTTPStatus.OK:
        raise QueryError(_sentence(answer, status), hint)
    return Answer(text.strip(), answer)


def _sentence(answer: object, status: int) -> str:
    """The server's sentence; "detail" is where other frameworks' servers put theirs."""
    told = answer.get("error") or answer.get("detail") if isinstance(answer, dict) else answer
    return f"{printable(told or 'no reason given', 1000)} (status {status})"


def _shortened(text: str) -> str:
    without_tags = re.sub(r"<(script|style)\b.*?</\1>|<[^>]*>", " ", text[:20_000], flags=re.DOTALL | re.IGNORECASE)
    return printable(without_tags, 200) or "it is empty"
