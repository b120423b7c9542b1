"""What `helm test` runs: post one instance of zeros, for a minute if need be, until the answer is a list of one."""

import json
import sys
import time
from typing import Any

import requests

SECONDS = 60.0
PAUSE_SECONDS = 2.0


def main(url: str, answer: str, shape: str) -> None:
    """Return when it answered, and end the process with what was last wrong when it did not."""
    end = time.monotonic() + SECONDS
    while wrong := wrong_answer(url, answer, {"instances": [zeros(json.loads(shape))]}):
        if time.monotonic() > end:
            sys.exit(f"{url} gave no {answer} within {SECONDS:g} s: {wrong}")
        time.sleep(PAUSE_SECONDS)
    print(f"{url} gave {answer}")


def wrong_answer(url: str, answer: str, body: dict[str, Any]) -> str | None:
    """What is wrong with the answer to one request."""
    try:
        response = requests.post(url, json=body, timeout=30)
        document = response.json()
    except requests.RequestException as error:
        return str(error)
    found = document.get(answer) if isinstance(document, dict) else None
    if response.status_code == requests.codes.ok and isinstance(found, list) and len(found) == 1:
        return None
    return f"expected a list of one, got status {response.status_code} and {response.text:.300}"


def zeros(shape: list[int]) -> Any:  # noqa: ANN401 - nested lists of this shape
    """Zeros in nested lists."""
    return [zeros(shape[1:])] * shape[0] if shape else 0


if __name__ == "__main__":
    main(*sys.argv[1:])
