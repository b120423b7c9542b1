"""Timed calls of a URL. `bench.gateway` runs this file in a pod too, so it imports nothing else of ours.

As a program it reads `{"urls", "host", "document", "calls"}` as JSON, and prints a list of times for each URL.
"""

import sys
import time
from collections.abc import Callable

import orjson
import urllib3


def timed(call: Callable[[], object], calls: int) -> list[float]:
    """Milliseconds of each of so many calls, after a tenth more to warm up."""
    times = []
    for turn in range(-max(1, calls // 10), calls):
        started = time.perf_counter()
        call()
        if turn >= 0:
            times.append(1000 * (time.perf_counter() - started))
    return times


def timed_calls(url: str, host: str, document: object, calls: int) -> list[float]:
    """Milliseconds of each of so many POSTs on one kept-alive connection, after a tenth more to warm up.

    Args:
        url: What is connected to.
        host: The Host header, by which a gateway routes.
        document: What is sent, as JSON, which is part of the time, as is reading the answer's.
        calls: How many are timed.

    Raises:
        SystemExit: There was no answer, or its status is not 200.
    """
    headers = {"Host": host, "Content-Type": "application/json"}
    with urllib3.PoolManager(retries=False, timeout=60) as client:

        def ask() -> None:
            try:
                response = client.request("POST", url, body=orjson.dumps(document), headers=headers)
            except urllib3.exceptions.HTTPError as error:
                raise SystemExit(f"{url} does not answer: {error}") from None
            if response.status != 200:
                raise SystemExit(f"{url} for {host} answered {response.status}: {response.data[:300]!r}; expected 200")
            orjson.loads(response.data)

        return timed(ask, calls)


if __name__ == "__main__":
    asked = orjson.loads(sys.stdin.buffer.read())
    rows = [timed_calls(url, asked["host"], asked["document"], asked["calls"]) for url in asked["urls"]]
    print(orjson.dumps(rows).decode())
