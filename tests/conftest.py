"""Both servers, as a user starts them: one pair a model, for all system tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.servers import MODELS, Pair, running_pair


@pytest.fixture(scope="session", params=MODELS)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with running_pair(request.param, tmp_path_factory.mktemp("servers")) as servers:
        yield servers
