"""Sends requests to the explainer."""

import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Self

import requests
import urllib3

from captum_client.errors import QueryError
from captum_client.http.answer import JsonAnswer, parse_answer
from captum_client.http.failures import build_failure_error, build_timeout_error
from captum_client.printable import make_printable

MAX_ANSWER_BYTES = 256 * 2**20


class Explainer:
    """A connection to the explainer, kept alive between requests. `timeout` limits each answer, in seconds."""

    def __init__(self, url: str, host: str, headers: Mapping[str, str], timeout: float) -> None:
        self.url = url
        self.timeout = timeout
        self._session = requests.Session()
        self._session.headers.update({"Accept": "application/json", **({"Host": host} if host else {}), **headers})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def explain(self, request: Mapping[str, object]) -> JsonAnswer:
        """POST `request` and return the answer. Raises QueryError with the server's message if it refuses."""
        return parse_answer(*self._send("POST", request))

    def fetch_page(self, request: Mapping[str, object]) -> str:
        """POST `request` and return the HTML. Raises QueryError as `explain` does, and for any other format."""
        response, text = self._send("POST", request)
        kind = response.headers.get("Content-Type", "")
        if response.status_code == HTTPStatus.OK and not kind.startswith("text/html"):
            got = make_printable(kind, 60) or "missing"
            raise QueryError(f"The answer's content type is {got}, expected text/html.", "Update the explainer.")
        return text if response.status_code == HTTPStatus.OK else parse_answer(response, text).text

    def fetch_methods(self) -> JsonAnswer:
        """GET the catalogue of methods. Raises QueryError as `explain` does."""
        return parse_answer(*self._send("GET", None))

    def _send(self, verb: str, body: Mapping[str, object] | None) -> tuple[requests.Response, str]:
        deadline = time.monotonic() + self.timeout
        try:
            # Redirects are not followed: requests would turn the POST into a GET.
            with self._session.request(
                verb, self.url, json=body, timeout=self.timeout, allow_redirects=False, stream=True
            ) as response:
                text = self._read(response, deadline)
        # For some malformed URLs and answers, requests lets urllib3's errors and ValueError through.
        except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
            raise build_failure_error(error, self.url, self.timeout) from error
        return response, text

    def _read(self, response: requests.Response, deadline: float) -> str:
        parts: list[bytes] = []
        size = 0
        # read1 instead of iter_content, which waits for a full chunk: a slow trickle would get past the deadline.
        while part := response.raw.read1(2**16, decode_content=True):
            size += len(part)
            if size > MAX_ANSWER_BYTES:
                raise QueryError(f"The answer has more than {MAX_ANSWER_BYTES // 2**20} MB.", "Send fewer images.")
            if time.monotonic() > deadline:
                raise build_timeout_error(self.url, self.timeout)
            parts.append(part)
        return b"".join(parts).decode("utf-8", "replace")
