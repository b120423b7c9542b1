"""A client whose headers hold secrets, which no answer may echo."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from tests.bad_input.refusals import MARKER

SECRET_HEADERS = {"X-Marker": MARKER, "Cookie": f"session={MARKER}", "User-Agent": MARKER}


@pytest.fixture(scope="module")
def session(workers: int) -> Iterator[requests.Session]:
    with requests.Session() as client:
        client.headers.update(SECRET_HEADERS)
        if workers > 1:
            client.headers["Connection"] = "close"  # so that any worker may take the next request
        yield client
