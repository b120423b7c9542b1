"""Both servers, as a user starts them: one pair a model, for all system tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from local.servers import MODELS, Pair, running_pair


@pytest.fixture(scope="session")
def start_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Pair]]:
    """Starts a model's pair when it is first asked for, and keeps it: pytest goes back and forth between the models."""
    started: dict[str, Pair] = {}
    with ExitStack() as stack:

        def start(name: str) -> Pair:
            if name not in started:
                started[name] = stack.enter_context(running_pair(name, tmp_path_factory.mktemp("servers")))
            return started[name]

        yield start


@pytest.fixture(scope="session", params=MODELS)
def pair(request: pytest.FixtureRequest, start_pair: Callable[[str], Pair]) -> Pair:
    return start_pair(request.param)
