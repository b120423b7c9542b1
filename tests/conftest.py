"""Both servers, as a user starts them: one pair a model, for all system tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from local.servers import MODELS, Pair, running, running_pair, tell_to_end

StartPair = Callable[[str, int], Pair]


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Torch on one thread in this process, as the predictor computes calls of fewer than twelve rows.

    Threads change no bit of larger ones, and would take the servers' cores.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def start_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartPair]:
    """Starts a model's pair when it is first asked for, and keeps it: pytest goes back and forth between the models."""
    started: dict[tuple[str, int], Pair] = {}
    with ExitStack() as stack:

        def start(name: str, workers: int) -> Pair:
            if (name, workers) not in started:
                folder = tmp_path_factory.mktemp("servers")
                one = workers == 1
                pair = running_pair(name, folder) if one else with_workers(start(name, 1), workers, folder)
                started[name, workers] = stack.enter_context(pair)
            return started[name, workers]

        yield start
        tell_to_end(*started.values())


@contextmanager
def with_workers(pair: Pair, workers: int, folder: Path) -> Iterator[Pair]:
    """Another explainer, of several workers, in front of a pair's predictor."""
    address = ("--model_name", pair.name, "--predictor_host", pair.predictor.url.removeprefix("http://"))
    flags = (*address, "--workers", str(workers))
    with running("captum_explainer", folder / f"{pair.name}-{workers}-workers.log", *flags) as explainer:
        explainer.wait_until_ready()
        yield replace(pair, explainer=explainer)


@pytest.fixture(scope="session")
def workers(request: pytest.FixtureRequest) -> int:
    """The explainer's workers: one, where a test does not say another number."""
    return getattr(request, "param", 1)


@pytest.fixture(scope="session", params=MODELS)
def pair(request: pytest.FixtureRequest, workers: int, start_pair: StartPair) -> Pair:
    return start_pair(request.param, workers)
