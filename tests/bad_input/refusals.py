"""How a mistake is refused: its status, one sentence, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import requests

from local.servers import Pair
from tests.bad_input.bodies import parameters

# What is sent, the status, and a part of the sentence.
Case = tuple[bytes, int, str]

# Two workers are processes of their own, which get routes and handlers in another way than one does.
OF_ONE_WORKER_AND_OF_TWO = [
    pytest.mark.parametrize("pair", ["mnist"], indirect=True),
    pytest.mark.parametrize("workers", [1, 2], indirect=True),
]
TIMEOUT = 30
MARKER = "zebra-4711"


def of_groups(groups: dict[str, dict[str, Case]]) -> dict[str, Case]:
    """The groups' cases as one table, each under its group's name and its own."""
    return {f"{group}: {name}": case for group, cases in groups.items() for name, case in cases.items()}


def assert_told(case: Case, pair: Pair, session: requests.Session) -> None:
    body, status, sentence = case
    assert_refused(session.post(pair.explain_url, data=body, timeout=TIMEOUT), status, sentence)


def assert_refused(response: requests.Response, status: int, sentence: str) -> None:
    """The status, `{"error": sentence}`, and nothing of the server's inside or of the request's headers."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    answer = response.json()
    assert list(answer) == ["error"], answer
    assert sentence in answer["error"], answer
    assert "\n" not in answer["error"]
    assert "Traceback" not in answer["error"]
    assert_no_echo(response)


def assert_no_echo(response: requests.Response) -> None:
    assert MARKER not in response.text
    assert MARKER not in str(response.headers)


def assert_good(pair: Pair, session: requests.Session) -> None:
    response = session.post(pair.explain_url, data=parameters(), timeout=TIMEOUT)
    assert response.status_code == 200
    assert np.array(response.json()["explanations"]).shape == (1, 1, 28, 28)
